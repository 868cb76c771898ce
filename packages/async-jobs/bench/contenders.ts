import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  platformaticTransport,
  redisStatus,
  Worker,
} from '@evenkeel/async-jobs';
import * as platformatic from '@platformatic/kafka';
import { Queue as BullQueue, Worker as BullWorker } from 'bullmq';
import { makeWorkerUtils, run as runGraphile } from 'graphile-worker';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import PgBoss from 'pg-boss';
import { z } from 'zod';

/** What every queue of the benchmark can do. */
export interface Contender {
  readonly name: string;
  add(n: number): Promise<unknown>;
  addMany(from: number, count: number): Promise<unknown>;
  /** Starts a worker whose handler calls `handled` and does nothing else. Resolves to its end. */
  work(handled: (n: number) => void): Promise<() => Promise<unknown>>;
  /** Resolves when what handlers leave behind is written: it belongs to the time of processing. */
  settled?(): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface Servers {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly kafkaBrokers: string;
}

export const CONCURRENCY = 50;
const silent = { error() {}, warn() {}, info() {}, debug() {} };

/** Jobs of this package, status on, over kafkajs or over @platformatic/kafka. */
export async function evenkeel(
  { kafkaBrokers, redisUrl }: Servers,
  id: string,
  client: 'kafkajs' | '@platformatic/kafka',
): Promise<Contender> {
  const brokers = kafkaBrokers.split(',');
  const redis = new Redis(redisUrl);
  const queue = new JobQueue({
    transport:
      client === 'kafkajs'
        ? kafkajsTransport(new Kafka({ brokers, logLevel: logLevel.NOTHING }))
        : platformaticTransport(platformatic, {
            connection: { clientId: 'bench', bootstrapBrokers: brokers },
          }),
    status: redisStatus(redis),
    sendBudgetMs: 30_000,
  });
  const job = defineJob({ name: 'bench', queue: id, schema: z.object({ n: z.number() }) });
  await queue.ensureTopics([job]);
  return {
    name: `ours, ${client}`,
    add: (n) => queue.enqueue(job, { n }),
    addMany: (from, count) =>
      queue.enqueueMany(
        job,
        Array.from({ length: count }, (_, i) => ({ n: from + i })),
      ),
    work: async (handled) => {
      const worker = new Worker(queue, {
        concurrency: CONCURRENCY,
        handlers: [handle(job, ({ n }) => handled(n))],
      });
      await worker.run();
      return () => worker.drain();
    },
    settled: () => queue.flushStatus(60_000),
    close: async () => {
      await queue.close();
      redis.disconnect();
    },
  };
}

export async function bullmq({ redisUrl }: Servers, id: string): Promise<Contender> {
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const removal = { removeOnComplete: true };
  const queue = new BullQueue(id, { connection });
  return {
    name: 'BullMQ',
    add: (n) => queue.add('bench', { n }, removal),
    addMany: (from, count) =>
      queue.addBulk(
        Array.from({ length: count }, (_, i) => ({
          name: 'bench',
          data: { n: from + i },
          opts: removal,
        })),
      ),
    work: async (handled) => {
      const worker = new BullWorker(id, async ({ data }) => handled(data.n), {
        connection: connection.duplicate(),
        concurrency: CONCURRENCY,
      });
      await worker.waitUntilReady();
      return () => worker.close();
    },
    close: async () => {
      await queue.close();
      connection.disconnect();
    },
  };
}

export async function pgBoss({ databaseUrl }: Servers, id: string): Promise<Contender> {
  const boss = new PgBoss({ connectionString: databaseUrl, schema: id });
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('bench');
  return {
    name: 'pg-boss',
    add: (n) => boss.send('bench', { n }),
    addMany: (from, count) =>
      boss.insert(
        Array.from({ length: count }, (_, i) => ({ name: 'bench', data: { n: from + i } })),
      ),
    work: async (handled) => {
      const workers = Array.from({ length: 4 }, () =>
        boss.work<{ n: number }>(
          'bench',
          { batchSize: 10 * CONCURRENCY, pollingIntervalSeconds: 0.5 }, // a batch each half second is all it takes
          async (jobs) => {
            for (const { data } of jobs) handled(data.n);
          },
        ),
      );
      await Promise.all(workers);
      return () => boss.offWork('bench');
    },
    close: () => boss.stop({ graceful: false }),
  };
}

export async function graphile({ databaseUrl }: Servers, id: string): Promise<Contender> {
  const pgPool = new pg.Pool({ connectionString: databaseUrl, max: CONCURRENCY + 2 });
  const logger = { scope: () => logger, ...silent } as never;
  const utils = await makeWorkerUtils({ pgPool, schema: id, logger });
  await utils.migrate();
  return {
    name: 'graphile-worker',
    add: (n) => utils.addJob('bench', { n }),
    addMany: (from, count) =>
      pgPool.query(
        `SELECT count(*) FROM "${id}".add_jobs(ARRAY(SELECT ('bench', json_build_object('n', n), NULL, NULL, NULL, NULL, NULL, NULL)::"${id}".job_spec FROM generate_series($1::int, $2::int) n))`,
        [from, from + count - 1],
      ),
    work: async (handled) => {
      const runner = await runGraphile({
        pgPool,
        schema: id,
        logger,
        concurrency: CONCURRENCY,
        noHandleSignals: true,
        taskList: { bench: async (payload) => handled((payload as { n: number }).n) },
      });
      return () => runner.stop();
    },
    close: async () => {
      await utils.release();
      await pgPool.end();
    },
  };
}
