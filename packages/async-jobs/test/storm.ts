import type { ChildProcess } from 'node:child_process';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { expect } from 'vitest';
import {
  type NativeServer,
  startKafka,
  startPostgres,
  startRedis,
  uniqueName,
} from '../../../test/backends.ts';
import { JobQueue, type OutgoingRecord, postgresOutbox, type Transport } from '../src/index.ts';
import { chargeJob } from './fixtures/charge.ts';
import { sendBySnappy } from './fixtures/snappy.ts';
import { startProcess } from './fixtures/start-process.ts';
import { transportTo } from './fixtures/transport.ts';
import { Provider } from './provider.ts';
import { until } from './until.ts';

/** Servers of our own, that may be killed, frozen and flushed. */
export interface Servers {
  readonly kafka: NativeServer;
  readonly postgres: NativeServer;
  readonly redis: NativeServer;
}

export async function startServers(): Promise<Servers> {
  const [kafka, postgres, redis] = await Promise.all([startKafka(), startPostgres(), startRedis()]);
  return { kafka, postgres, redis };
}

/** What a trouble can do. */
export interface Storm {
  readonly servers: Servers;
  readonly workers: ChildProcess[];
  /** Starts one more worker. */
  join(env?: Record<string, string>): Promise<ChildProcess>;
  /** Resolves when this share of the effects has happened. */
  progress(share: number): Promise<void>;
  /** Puts a record that is no job of ours into the topic. */
  poison(value: string): Promise<void>;
  /** The same, compressed by a codec that kafkajs does not have. */
  poisonBySnappy(value: string): Promise<void>;
}

/** What a storm was like. */
export interface StormReport {
  readonly seconds: number;
  /** Deliveries beyond one a job. */
  readonly deliveredAgain: number;
  /** Calls at the provider beyond one a job, all under the job's idempotency key. */
  readonly calledAgain: number;
  /** Records that came to lie behind later ones of other keys. */
  readonly overtaken: number;
  readonly deadLetters: number;
}

export interface StormOptions {
  readonly jobs: number;
  readonly keys: number;
  /** Milliseconds that job `n` takes. */
  readonly slowMs?: (n: number) => number;
  readonly workerEnv?: readonly Record<string, string>[];
  /** Of 100 records, how many are sent again, later and in reverse, and how many are overtaken. */
  readonly unrulyPercent?: number;
  readonly expectedDeadLetters?: number;
}

/**
 * Jobs whose effect is a row in PostgreSQL and a call at a provider, done by workers in processes
 * of their own while `trouble` happens. Ends with every effect once, one charge a job at the
 * provider, and the order of every key kept, or fails.
 */
export async function storm(
  servers: Servers,
  options: StormOptions,
  trouble: (storm: Storm) => Promise<void>,
): Promise<StormReport> {
  const { jobs, keys, slowMs = () => 1, workerEnv = [{}, {}] } = options;
  const schema = uniqueName('storm');
  const job = chargeJob(schema);
  const provider = await Provider.open();
  const pool = new pg.Pool({ connectionString: servers.postgres.url, max: 10 });
  pool.on('error', () => {});
  const kafka = new Kafka({ brokers: [servers.kafka.url], logLevel: logLevel.NOTHING });
  const plain = transportTo(servers.kafka.url);
  const network = new UnrulyNetwork(plain, options.unrulyPercent ?? 0);
  const outbox = postgresOutbox(pool, { schema });
  await outbox.migrate();
  await pool.query(`CREATE TABLE "${schema}".effects (id serial, job_id uuid, key text, n int)`);
  const queue = new JobQueue({ transport: network.transport, outbox });
  await queue.ensureTopics([job]);
  const count = async (what: string): Promise<number> =>
    (await pool.query(`SELECT count(${what})::int AS n FROM "${schema}".effects`)).rows[0].n;
  const workers: ChildProcess[] = [];
  const join = async (env: Record<string, string> = {}): Promise<ChildProcess> => {
    const worker = await startProcess('storm-worker.ts', {
      KAFKA_BROKERS: servers.kafka.url,
      DATABASE_URL: servers.postgres.url,
      REDIS_URL: servers.redis.url,
      PROVIDER_URL: provider.url,
      SCHEMA: schema,
      QUEUE: job.queue,
      ...env,
    });
    workers.push(worker);
    return worker;
  };
  const progress = (share: number): Promise<void> =>
    until(
      `${share * 100} % of the effects`,
      async () => (await count('*').catch(() => 0)) >= jobs * share,
      240_000,
    );
  const poison = (value: string): Promise<void> =>
    plain.send([{ topic: `jobs.${job.queue}`, key: 'k1', value, headers: POISON }], 5_000);
  const poisonBySnappy = (value: string): Promise<void> =>
    sendBySnappy(kafka, `jobs.${job.queue}`, { key: 'k1', value, headers: POISON });
  try {
    await Promise.all(workerEnv.map(join));
    const begun = Date.now();
    await queue.enqueueMany(
      job,
      Array.from({ length: jobs }, (_, n) => ({ key: `k${n % keys}`, n, slowMs: slowMs(n) })),
    );
    const relay = queue.relay();
    await relay.run();
    await trouble({ servers, workers, join, progress, poison, poisonBySnappy });
    await progress(1);
    const seconds = Math.round((Date.now() - begun) / 1_000);
    await new Promise((resolve) => setTimeout(resolve, 500)); // time for a doubled effect to appear
    const effects = [await count('*'), await count('DISTINCT job_id'), provider.charges];
    expect(effects).toEqual([jobs, jobs, jobs]);
    const { rows: disordered } = await pool.query(
      `SELECT * FROM (SELECT key, n, lag(n) OVER (PARTITION BY key ORDER BY id) AS before
       FROM "${schema}".effects) e WHERE n < before`,
    );
    expect(disordered).toEqual([]);
    const letters = await queue.transport.offsets(`jobs.${job.queue}.dlq`);
    const deadLetters = letters.reduce((sum, { next }) => sum + next, 0);
    expect(deadLetters).toBe(options.expectedDeadLetters ?? 0);
    const { deliveries, calledAgain } = provider;
    const deliveredAgain = deliveries - jobs;
    return { seconds, deliveredAgain, calledAgain, overtaken: network.overtaken, deadLetters };
  } finally {
    for (const worker of workers) worker.kill('SIGKILL');
    await queue.close();
    await pool.end();
    provider.close();
  }
}

const POISON = { 'job-id': '0190a1b2-0000-7000-8000-00000000dead', 'job-name': 'charge' };

/**
 * A network that sends some records again, behind later ones and in reverse, and lets some be
 * overtaken by those of other keys. Within a key only copies come out of order: that order is made
 * by who sends, and nobody behind the log could mend it.
 */
class UnrulyNetwork {
  readonly transport: Transport;
  readonly #every: number;
  readonly #copies: OutgoingRecord[] = [];
  #sent = 0;
  overtaken = 0;

  constructor(transport: Transport, percent: number) {
    this.#every = Math.round(100 / percent);
    this.transport = new Proxy(transport, {
      get: (target, name) => {
        if (name === 'send' && percent > 0) return this.#send.bind(this, target);
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  async #send(
    target: Transport,
    records: readonly OutgoingRecord[],
    timeoutMs: number,
  ): Promise<void> {
    const held = new Set<string | null>();
    const copies: OutgoingRecord[] = [];
    const prompt: OutgoingRecord[] = [];
    const late: OutgoingRecord[] = [];
    for (const record of records) {
      const turn = ++this.#sent % this.#every;
      if (turn === 0) copies.unshift(record);
      if (turn === 1) held.add(record.key);
      (held.has(record.key) ? late : prompt).push(record);
    }
    if (prompt.length > 0) this.overtaken += late.length;
    for (const some of [prompt, late, this.#copies.splice(0)]) {
      if (some.length > 0) await target.send(some, timeoutMs);
    }
    this.#copies.unshift(...copies); // another shard's batch may be on its way beside this one
  }
}
