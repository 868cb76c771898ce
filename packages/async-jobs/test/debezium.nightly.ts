/**
 * `node --conditions=@evenkeel/source --import tsx packages/async-jobs/test/debezium.nightly.ts`
 *
 * Runs docs/debezium.md: Kafka Connect with the connector as it is configured there, in the place of the relay,
 * on a real PostgreSQL and Kafka. Prints what holds, with figures; ends with 1 when something does not.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import pg from 'pg';
import { z } from 'zod';
import { connectProgram, startKafkaConnect } from '../../../test/backends/kafka-connect.ts';
import {
  BackendError,
  type NativeServer,
  startKafka,
  startPostgres,
} from '../../../test/backends.ts';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  postgresOutbox,
  type TraceContext,
  Worker,
} from '../src/index.ts';
import { partitionOf } from '../src/partitioner.ts';
import { until } from './until.ts';

const JOBS = 500;
const KEYS = Array.from({ length: 20 }, (_, n) => (n === 0 ? 'Zoë Ω' : `key-${n}`));
const PARTITIONS = 6;
const PATIENCE_MS = 180_000;
const TRACE: TraceContext = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=a,other=b',
};

const schema = z.object({ key: z.string(), n: z.number(), text: z.string() });
const options = { schema, key: (p: z.infer<typeof schema>) => p.key, inbox: true };
const charge = defineJob({ ...options, name: 'payment.charge', queue: 'payments' });
const urgent = defineJob({ ...charge, name: 'payment.urgent', priority: 'high' });
const handover = defineJob({ ...options, name: 'handover', queue: 'handover' });
type Job = typeof charge;

/** A job whose transaction has committed. */
interface Sent {
  readonly job: Job;
  readonly key: string;
  readonly payload: string;
  readonly trace: TraceContext | undefined;
}

let failures = 0;
function check(what: string, holds: boolean, figures: string): void {
  if (!holds) failures++;
  console.log(`${holds ? 'ok   ' : 'FAILS'} ${what}: ${figures}`);
}
const log = (line: string): void => console.log(`      ${line}`);

/** The properties in docs/debezium.md, and what is different in every place. */
async function connectorFor(url: string): Promise<string> {
  const doc = await readFile(new URL('../../../docs/debezium.md', import.meta.url), 'utf8');
  const [, properties] = /```properties\n(.*?)```/s.exec(doc) ?? [];
  if (!properties) throw new Error('docs/debezium.md has no block of properties');
  const { hostname, port, username, password, pathname } = new URL(url);
  return `${properties}
name=jobs
topic.prefix=outbox
database.hostname=${hostname}
database.port=${port}
database.user=${username}
database.password=${password}
database.dbname=${pathname.slice(1)}
`;
}

class Run {
  readonly #postgres: NativeServer;
  readonly #kafka: NativeServer;
  readonly #pool: pg.Pool;
  readonly #client: Kafka;
  readonly #queue: JobQueue;
  readonly #worker: Worker;
  readonly #sent = new Map<string, Sent>();
  readonly #rolledBack: string[] = [];
  readonly #wrongTraces = new Set<string>();
  #deliveries = 0;
  #trace: TraceContext | undefined;
  #connect: NativeServer | undefined;

  constructor(postgres: NativeServer, kafka: NativeServer) {
    this.#postgres = postgres;
    this.#kafka = kafka;
    this.#pool = new pg.Pool({ connectionString: postgres.url, max: KEYS.length });
    this.#client = new Kafka({ brokers: [kafka.url], logLevel: logLevel.NOTHING });
    this.#queue = new JobQueue({
      transport: kafkajsTransport(this.#client),
      outbox: postgresOutbox(this.#pool),
      traceContext: () => this.#trace,
    });
    this.#worker = new Worker(this.#queue, {
      handlers: [charge, urgent, handover].map((job) =>
        handle(job, async ({ key, n }, ctx) => {
          this.#deliveries++;
          const trace = this.#sent.get(ctx.id)?.trace;
          if (JSON.stringify(ctx.trace) !== JSON.stringify(trace)) this.#wrongTraces.add(ctx.id);
          await ctx.tx((tx) =>
            tx.query('INSERT INTO effects (job_id, job, key, n) VALUES ($1, $2, $3, $4)', [
              ctx.id,
              ctx.name,
              key,
              n,
            ]),
          );
        }),
      ),
    });
    this.#worker.on('failed', ({ error }) => log(`an attempt failed: ${error}`));
  }

  /** What Kafka Connect's log says went wrong. */
  async connectErrors(): Promise<string> {
    if (!this.#connect) return 'Kafka Connect did not start';
    const text = await readFile(join(this.#connect.folder, 'server.log'), 'utf8');
    return text.match(/^.* (ERROR|Caused by:?) .*$/gm)?.join('\n') ?? 'Kafka Connect: no error';
  }

  async prepare(): Promise<void> {
    await postgresOutbox(this.#pool).migrate();
    await this.#pool.query(
      'CREATE TABLE effects (id serial PRIMARY KEY, job_id uuid, job text, key text, n int)',
    );
    await this.#pool.query('CREATE TABLE keyless (text text)');
    await this.#queue.ensureTopics([charge, urgent, handover], { partitions: PARTITIONS });
    await this.#queue.transport.ensureTopics([
      { topic: '__debezium-heartbeat.outbox', partitions: 1 },
    ]);
    await this.#worker.run();
  }

  /** From the relay to the connector: both run for a while. */
  async handOver(): Promise<void> {
    const relay = this.#queue.relay();
    await this.#enqueueSome(handover, 0, 100);
    await relay.run();
    this.#connect = await startKafkaConnect({
      brokers: this.#kafka.url,
      connector: await connectorFor(this.#postgres.url),
      log,
    });
    const { name, version } = this.#connect;
    log(`${name} ${version}, PostgreSQL ${this.#postgres.version}, Kafka ${this.#kafka.version}`);
    await this.#enqueueSome(handover, 100, 200);
    await relay.close();
    await this.#handled();
    await this.#checkOnce('handed over by the relay while jobs come');
  }

  /** Jobs while the connector is killed twice: before it has stored an offset, and after. */
  async killed(): Promise<void> {
    const connect = this.#connect;
    if (!connect) throw new Error('handOver comes first');
    const offsets = join(connect.folder, 'offsets');
    const killWhile = async (from: number, to: number): Promise<void> => {
      const middle = (from + to) / 2;
      const before = await this.#count('effects');
      const coming = this.#enqueueSome(charge, from, middle);
      await until('effects', async () => (await this.#count('effects')) > before + 20, PATIENCE_MS);
      log(`SIGKILL to Kafka Connect, offsets stored: ${existsSync(offsets)}`);
      await connect.kill();
      await coming;
      await this.#enqueueSome(charge, middle, to);
      // What the connector has not read yet it finds in the log
      await this.#pool.query('DELETE FROM job_outbox');
      await connect.restart();
      await this.#handled();
    };
    await killWhile(0, JOBS / 2);
    await until('stored offsets', () => existsSync(offsets), PATIENCE_MS);
    await killWhile(JOBS / 2, JOBS);
    await this.#checkOnce('without a relay, Kafka Connect killed twice');
  }

  /** What the tables' owners do besides. */
  async besides(): Promise<void> {
    for (const [n, key] of KEYS.entries()) await this.#enqueue(urgent, key, n, 'now');
    await this.#enqueue(urgent, 'large', 0, 'x'.repeat(890_000));
    await this.#handled();
    await this.#checkOnce('of priority high');

    const delayed = { key: 'later', n: 0, text: '' };
    const { id } = await this.#queue.enqueue(charge, delayed, { delayMs: 3_600_000 });
    check(
      'a delayed job can be cancelled',
      (await this.#queue.cancel(id)) === 'removed',
      'removed',
    );
    await this.#pool.query(
      "INSERT INTO keyless SELECT repeat('x', 1000) FROM generate_series(1, 20000)",
    );
    const { rowCount } = await this.#pool.query('DELETE FROM keyless');
    check('a table without a key can be changed', rowCount === 20_000, `${rowCount} rows deleted`);

    const written = (await this.#pool.query('SELECT pg_current_wal_lsn() AS lsn')).rows[0].lsn;
    const begun = performance.now();
    const slot = async (): Promise<{ behind: number }> =>
      (
        await this.#pool.query(
          'SELECT pg_wal_lsn_diff($1, confirmed_flush_lsn)::int AS behind FROM pg_replication_slots',
          [written],
        )
      ).rows[0];
    const { behind } = await slot();
    await until('the log let go', async () => (await slot()).behind <= 0, PATIENCE_MS);
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
    check(
      'an idle outbox holds up no log',
      true,
      `${(behind / 1e6).toFixed(1)} MB let go after ${seconds} s`,
    );
  }

  /** What lies in the topics, record by record. */
  async topics(): Promise<void> {
    const topics = ['jobs.payments', 'jobs.payments.high'];
    const records = await this.#records(topics);
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const { topic, partition, message } of records) {
      const header = (name: string): string | undefined => message.headers?.[name]?.toString();
      const id = header('job-id') ?? '';
      const sent = this.#sent.get(id);
      const key = message.key?.toString() ?? '';
      seen.add(id);
      const isRight =
        sent !== undefined &&
        header('job-name') === sent.job.name &&
        topic === (sent.job === urgent ? 'jobs.payments.high' : 'jobs.payments') &&
        message.value?.toString() === sent.payload &&
        key === sent.key &&
        partition === partitionOf(sent.key, PARTITIONS) &&
        header('traceparent') === sent.trace?.traceparent &&
        header('tracestate') === sent.trace?.tracestate;
      if (!isRight) wrong.push(`${topic} ${partition} ${key} ${JSON.stringify(message)}`);
    }
    for (const one of wrong.slice(0, 3)) log(one.slice(0, 500));
    check(
      'records with their topic, partition, key, payload and headers',
      wrong.length === 0 && seen.size === JOBS + KEYS.length + 1,
      `${records.length - wrong.length} of ${records.length}, of ${seen.size} jobs`,
    );
    const names = new Set(records.flatMap(({ message }) => Object.keys(message.headers ?? {})));
    const expected = ['id', 'job-id', 'job-name', 'traceparent', 'tracestate'];
    check('headers', [...names].sort().join() === expected.join(), [...names].join(', '));
    const ghosts = this.#rolledBack.filter((id) => seen.has(id));
    check(
      'rolled back',
      ghosts.length === 0,
      `${this.#rolledBack.length} jobs, ${ghosts.length} sent`,
    );
    check('traces', this.#wrongTraces.size === 0, `${this.#wrongTraces.size} jobs without theirs`);
  }

  /** And back to the relay: it sends what lies in the table, and nothing happens twice. */
  async end(): Promise<void> {
    const left = await this.#count('job_outbox');
    const before = this.#deliveries;
    const relay = this.#queue.relay();
    await relay.run();
    const again = (): number => this.#deliveries - this.#sent.size;
    const absorbed = (): number => this.#worker.snapshot().duplicates;
    const isDone = (): boolean => this.#deliveries >= before + left && absorbed() === again();
    await until('deliveries again, all absorbed by ctx.tx', isDone, PATIENCE_MS);
    await relay.close();
    await this.#checkOnce(`${left} of them sent again by the relay`);
    check('deliveries again, all absorbed by ctx.tx', again() > left, `${again()}`);
    let letters = 0;
    for (const queue of ['payments', 'handover']) {
      for (const { next } of await this.#queue.transport.offsets(`jobs.${queue}.dlq`))
        letters += next;
    }
    const { failed } = this.#worker.snapshot();
    check('dead letters, failed attempts', letters + failed === 0, `${letters}, ${failed}`);
    const answer = await fetch(`${this.#connect?.url}/connectors/jobs/status`);
    const { tasks } = (await answer.json()) as { tasks: { state: string }[] };
    const states = tasks.map(({ state }) => state).join();
    check('the connector', states === 'RUNNING', states);
  }

  async close(): Promise<void> {
    await this.#worker.drain();
    await this.#queue.close();
    await this.#pool.end();
    await this.#connect?.stop();
  }

  /** A job in a transaction of its own; of every ten, one is tried first in one that is rolled back. */
  async #enqueue(job: Job, key: string, n: number, text: string): Promise<void> {
    const tx = await this.#pool.connect();
    const payload = { key, n, text };
    const trace = n % 2 === 0 ? TRACE : undefined;
    for (const end of n % 10 === 3 ? ['ROLLBACK', 'COMMIT'] : ['COMMIT']) {
      await tx.query('BEGIN');
      this.#trace = trace;
      const { id } = await this.#queue.enqueue(job, payload, { tx });
      if (end === 'ROLLBACK') this.#rolledBack.push(id);
      else this.#sent.set(id, { job, key, payload: JSON.stringify(payload), trace });
      await tx.query(end);
    }
    tx.release();
  }

  async #enqueueSome(job: Job, from: number, to: number): Promise<void> {
    const perKey = async (key: string, first: number): Promise<void> => {
      for (let n = first; n < to; n += KEYS.length) await this.#enqueue(job, key, n, 'schön\n"x"');
    };
    await Promise.all(KEYS.map((key, n) => perKey(key, from + n)));
  }

  async #count(table: string): Promise<number> {
    return (await this.#pool.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n;
  }

  #handled(): Promise<void> {
    return until(
      'an effect of every job',
      async () => (await this.#count('effects')) >= this.#sent.size,
      PATIENCE_MS,
    );
  }

  /** Every job that was committed had its effect once, and the jobs of each key in their order. */
  async #checkOnce(what: string): Promise<void> {
    const { rows } = await this.#pool.query(
      `SELECT count(*)::int AS effects, count(DISTINCT job_id)::int AS jobs,
  count(*) FILTER (WHERE n < before)::int AS disordered
FROM (SELECT job_id, n, lag(n) OVER (PARTITION BY job, key ORDER BY id) AS before FROM effects) e`,
    );
    const { effects, jobs, disordered } = rows[0];
    check(
      `handled once and in order, ${what}`,
      effects === this.#sent.size && jobs === effects && disordered === 0,
      `${effects} effects of ${this.#sent.size} jobs, ${disordered} out of order, ${this.#deliveries} deliveries`,
    );
  }

  async #records(topics: string[]) {
    const records: { topic: string; partition: number; message: KafkaMessage }[] = [];
    let expected = 0;
    for (const topic of topics) {
      for (const { next } of await this.#queue.transport.offsets(topic)) expected += next;
    }
    const consumer = this.#client.consumer({ groupId: 'reader' });
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({ eachMessage: async (record) => void records.push(record) });
    await until(`${expected} records`, () => records.length >= expected, PATIENCE_MS);
    await consumer.disconnect();
    return records;
  }
}

async function main(): Promise<void> {
  await connectProgram(log);
  await using kafka = await startKafka({
    properties: { 'auto.create.topics.enable': 'false' },
    log,
  });
  await using postgres = await startPostgres({ settings: { wal_level: 'logical' } });
  const run = new Run(postgres, kafka);
  try {
    await run.prepare();
    await run.handOver();
    await run.killed();
    await run.besides();
    await run.topics();
    await run.end();
  } catch (error) {
    failures++;
    log(await run.connectErrors());
    throw error;
  } finally {
    await run.close();
  }
}

await main().catch((error) => {
  failures++;
  console.log(`FAILS ${error instanceof BackendError ? error.message : error.stack}`);
});
process.exitCode = failures === 0 ? 0 : 1;
