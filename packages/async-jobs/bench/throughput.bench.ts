/**
 * Enqueue by 50 and by 250 callers at a time, bulk enqueue by one and by four, processing with a no-op handler, and
 * latency, over both Kafka clients, beside BullMQ, pg-boss and graphile-worker on the same servers in the same run; the
 * outbox beside the bare transaction it is part of; and kafkajs with nothing around it. JOBS=5000 makes it shorter.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { env, version } from 'node:process';
import { fileURLToPath } from 'node:url';
import { defineJob, JobQueue, memoryTransport, postgresOutbox } from '@evenkeel/async-jobs';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { z } from 'zod';
import { startBackends, startPostgres, uniqueName } from '../../../test/backends.ts';
import { CONTENDERS, type Processed, type Task } from './contender-process.ts';
import type { Servers } from './contenders.ts';
import { idleLatency, perSecond, quantile } from './measuring.ts';

const JOBS = Number(env.JOBS ?? 20_000);
const ROUNDS = 9;
/** Medians of nine of these come to 1.2 in one run and 1.34 in the next. */
const OUTBOX_ROUNDS = 50;
const OURS = 1; // over kafkajs, as the raw consumer is
const BULLMQ = 2;
/** What all add first: the broker, too, compiles as it goes. */
const WARM = [
  { kind: 'add', callers: 1, bulk: 500, calls: 20 },
  { kind: 'add', callers: 50, bulk: 1, calls: 4_000 },
] as const;
/** What all add in turn, round by round, so that what the machine does meanwhile burdens all alike. */
const ADDS = [
  { kind: 'add', callers: 50, bulk: 1, calls: Math.ceil(JOBS / 5) },
  { kind: 'add', callers: 250, bulk: 1, calls: Math.ceil(JOBS / 5) },
  { kind: 'add', callers: 1, bulk: 500, calls: Math.ceil(JOBS / 2_000) },
  { kind: 'add', callers: 4, bulk: 500, calls: Math.ceil(JOBS / 2_000) },
] as const;

async function start(name: string, servers: Servers): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('./contender-process.ts', import.meta.url));
  const child = fork(file, [name, uniqueName('bench'), JSON.stringify(servers)]);
  await once(child, 'message');
  return child;
}

async function ask<T>(child: ChildProcess, task: Task): Promise<T> {
  const answer = once(child, 'message');
  child.send(task);
  return (await answer)[0];
}

/** Latency of kafkajs with nothing around it. */
async function rawKafkajs({ kafkaBrokers }: Servers): Promise<number[]> {
  const kafka = new Kafka({ brokers: kafkaBrokers.split(','), logLevel: logLevel.NOTHING });
  const topic = uniqueName('raw');
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 6 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 500 });
  let arrived: (at: number) => void = () => {};
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachMessage: async () => arrived(performance.now()) });
  const latencies = await idleLatency(
    (n) => producer.send({ topic, messages: [{ key: String(n), value: '{"n":1}' }] }),
    () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
  );
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
  return latencies;
}

/** Records a second that kafkajs sends, `size` a request, with nothing around it: what ours cannot exceed. */
async function rawSends({ kafkaBrokers }: Servers, size: number): Promise<number> {
  const kafka = new Kafka({ brokers: kafkaBrokers.split(','), logLevel: logLevel.NOTHING });
  const topic = uniqueName('raw');
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 6 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5 });
  await producer.connect();
  const headers = { job: '0199c0de-0000-7000-8000-000000010000 bench' };
  const messages = Array.from({ length: size }, (_, n) => ({
    value: JSON.stringify({ n }),
    headers,
  }));
  const send = () => producer.send({ topic, acks: -1, messages });
  await perSecond(20, 1, send);
  const requests = await perSecond(Math.min(400, Math.floor((JOBS * 2) / size)), 1, send);
  await producer.disconnect();
  return requests * size;
}

const ORDERS = ['bare', 'with a job', 'with a row'] as const;

/**
 * Business transactions a second, so many at a time, in rounds in turn: alone, with a job in it, and with one more row of its own
 * instead.
 */
async function outboxRates(databaseUrl: string, atATime: number): Promise<number[][]> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 });
  const schema = uniqueName('bench');
  const outbox = postgresOutbox(pool, { schema });
  await outbox.migrate();
  await pool.query(
    `CREATE TABLE "${schema}".orders (id bigserial PRIMARY KEY, customer text, cents int)`,
  );
  const queue = new JobQueue({ transport: memoryTransport(), outbox });
  const job = defineJob({ name: 'bench', schema: z.object({ n: z.number() }) });
  const row = {
    name: 'row',
    text: `INSERT INTO "${schema}".orders (customer, cents) VALUES ($1, $2)`,
  };
  const order = async (n: number, kind: (typeof ORDERS)[number]) => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query(`INSERT INTO "${schema}".orders (customer, cents) VALUES ($1, $2)`, [
      `c${n}`,
      n,
    ]);
    await client.query(`UPDATE "${schema}".orders SET cents = cents + 1 WHERE id = $1`, [n + 1]);
    if (kind === 'with a job') await queue.enqueue(job, { n }, { tx: client });
    if (kind === 'with a row') await client.query(row, [`c${n}`, n]);
    await client.query('COMMIT');
    client.release();
  };
  const rates: number[][] = ORDERS.map(() => []);
  for (let round = -1; round < OUTBOX_ROUNDS; round++) {
    for (const [i, kind] of ORDERS.entries()) {
      const rate = await perSecond((JOBS / 200) * atATime, atATime, (n) => order(n, kind));
      if (round >= 0) rates[i]?.push(rate); // the first makes connections and statements
    }
  }
  await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
  await pool.end();
  return rates;
}

const backends = await startBackends({ log: (line) => console.log(line) });
const { redisUrl, databaseUrl, kafkaBrokers } = backends;
const servers: Servers = { redisUrl, databaseUrl, kafkaBrokers };
console.log(
  `${cpus().length} cpus (${cpus()[0]?.model}), Node ${version}, ${JOBS} jobs, concurrency 50\n`,
);

const jobsOf = (tasks: readonly { bulk: number; calls: number }[]): number =>
  tasks.reduce((sum, { bulk, calls }) => sum + bulk * calls, 0);
const children: ChildProcess[] = [];
for (const name of CONTENDERS) children.push(await start(name, servers));
for (const child of children) for (const task of WARM) await ask(child, task);
/** Jobs a second by kind of adding, contender and round. */
const rates: number[][][] = ADDS.map(() => children.map(() => []));
for (let round = 0; round < ROUNDS; round++) {
  for (const [kind, task] of ADDS.entries()) {
    for (const [i, child] of children.entries()) {
      rates[kind]?.[i]?.push(await ask<number>(child, task));
    }
  }
}
const total = jobsOf(WARM) + ROUNDS * jobsOf(ADDS);
const processed: Processed[] = [];
for (const child of children) {
  processed.push(await ask<Processed>(child, { kind: 'process', total }));
  child.kill();
}

const cell = (value: number, digits = 0) => value.toFixed(digits).padStart(8);
const ratio = (value: number) => `${value.toFixed(2)}x`.padStart(7);
/** The median of the rounds, and that of their ratios to BullMQ's. */
const added = (kind: number, i: number): string => {
  const own = rates[kind]?.[i] as number[];
  const ratios = own.map((rate, round) => rate / (rates[kind]?.[BULLMQ]?.[round] as number));
  return cell(quantile(own, 0.5)) + ratio(quantile(ratios, 0.5));
};
console.log(
  `jobs a second, and beside BullMQ: medians of ${ROUNDS} rounds in turn, each contender in a process of its own\n`,
);
console.log(
  ' '.repeat(26) +
    '     add by 50      add by 250     bulk of 500  bulk, 4 callers      processed  CPU us/job  p50 ms  p99 ms',
);
for (const [i, name] of CONTENDERS.entries()) {
  const { perSecond: rate, cpuMicros, p50Ms, p99Ms } = processed[i] as Processed;
  console.log(
    name.padEnd(26) +
      ADDS.map((_, kind) => added(kind, i)).join(' ') +
      cell(rate) +
      ratio(rate / (processed[BULLMQ] as Processed).perSecond) +
      cell(cpuMicros) +
      cell(p50Ms, 1) +
      cell(p99Ms, 1),
  );
}
const raw = await rawKafkajs(servers);
const rawP50 = quantile(raw, 0.5);
console.log(
  `\nraw kafkajs consumer: p50 ${rawP50.toFixed(1)} ms; added by us with it: ${((processed[OURS] as Processed).p50Ms - rawP50).toFixed(1)} ms`,
);
for (const size of [50, 250, 500]) {
  const records = await rawSends(servers, size);
  console.log(`raw kafkajs, ${size} records a request: ${records.toFixed(0)} records/s`);
}
// The shared server does not wait for its disk, as in tests; one of production does
const durable = await startPostgres({ durable: true });
for (const [what, url, atATime] of [
  ['commits wait for the disk, one at a time', durable.url, 1],
  ['commits wait for the disk, ten at a time', durable.url, 10],
  ['commits do not wait, ten at a time', databaseUrl, 10],
] as const) {
  const [bare = [], ...others] = await outboxRates(url, atATime);
  const [job, row] = others.map((rates) => ({
    rate: quantile(rates, 0.5),
    times: quantile(
      rates.map((rate, round) => (bare[round] as number) / rate),
      0.5,
    ).toFixed(2),
  }));
  console.log(
    `business transaction, ${what}: ${quantile(bare, 0.5).toFixed(0)}/s bare, ${job?.rate.toFixed(0)}/s with a job in it: ${job?.times}x the time (${row?.times}x with a row of its own instead)`,
  );
}
await durable.stop();
await backends.stop();
process.exit();
