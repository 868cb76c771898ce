/**
 * Enqueue, bulk enqueue (one caller, and four at a time), processing with a no-op handler, and latency, beside BullMQ, pg-boss and
 * graphile-worker on the same servers in the same run, over both Kafka clients; the outbox beside the bare transaction it
 * is part of; and kafkajs with nothing around it. JOBS=5000 makes it shorter.
 */
import { cpus } from 'node:os';
import { env, version } from 'node:process';
import { defineJob, JobQueue, memoryTransport, postgresOutbox } from '@evenkeel/async-jobs';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { z } from 'zod';
import { startBackends, startPostgres, uniqueName } from '../../../test/backends.ts';
import { bullmq, type Contender, evenkeel, graphile, pgBoss, type Servers } from './contenders.ts';

const JOBS = Number(env.JOBS ?? 20_000);
const IDLE_JOBS = 60;
const WARM = 6_000; // the broker, too, compiles as it goes

interface Figures {
  readonly name: string;
  readonly addedPerSecond: number;
  readonly addedBy250PerSecond: number;
  readonly bulkPerSecond: number;
  readonly bulkBy4PerSecond: number;
  readonly processedPerSecond: number;
  readonly cpuMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Runs `count` calls, `parallel` at a time, and gives calls a second. */
async function perSecond(
  count: number,
  parallel: number,
  call: (i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const begun = performance.now();
  const caller = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: parallel }, caller));
  return (count / (performance.now() - begun)) * 1_000;
}

function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}

async function idleLatency(
  add: (n: number) => Promise<unknown>,
  arrival: (n: number) => Promise<number>,
): Promise<number[]> {
  const latencies: number[] = [];
  for (let n = 0; n < IDLE_JOBS; n++) {
    const begun = performance.now();
    const [at] = await Promise.all([arrival(n), add(n)]);
    if (n >= 10) latencies.push(at - begun); // the first ones open connections
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return latencies;
}

async function measure(contender: Contender): Promise<Figures> {
  const single = Math.floor(JOBS / 4);
  for (let i = 0; i < 4; i++) await contender.addMany(-i, 500); // warm
  await perSecond(WARM - 2_000, 50, (i) => contender.add(i));
  const addedPerSecond = await perSecond(single, 50, (i) => contender.add(i));
  const addedBy250PerSecond = await perSecond(single, 250, (i) => contender.add(i));
  const bulks = Math.floor(JOBS / 500);
  const addBulks = async (from: number, callers: number) =>
    500 * (await perSecond(bulks, callers, (i) => contender.addMany(from + i * 500, 500)));
  const bulkPerSecond = await addBulks(single, 1);
  const bulkBy4PerSecond = await addBulks(single + bulks * 500, 4);
  const total = WARM + 2 * single + 2 * bulks * 500;

  let handled = 0;
  let arrived: (at: number) => void = () => {};
  let finished: () => void = () => {};
  const allHandled = new Promise<void>((resolve) => {
    finished = resolve;
  });
  let firstAt = 0;
  let cpu = process.cpuUsage();
  const stop = await contender.work(() => {
    if (handled === 0) {
      firstAt = performance.now();
      cpu = process.cpuUsage();
    }
    if (++handled === total) finished();
    else if (handled > total) arrived(performance.now());
  });
  await allHandled;
  await contender.settled?.();
  const seconds = (performance.now() - firstAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const latencies = await idleLatency(
    (n) => contender.add(n),
    () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
  );
  await stop();
  await contender.close();
  return {
    name: contender.name,
    addedPerSecond,
    addedBy250PerSecond,
    bulkPerSecond,
    bulkBy4PerSecond,
    processedPerSecond: total / seconds,
    cpuMicros: (user + system) / total,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
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

/** A business transaction alone, and with a job in it. */
async function outboxCost(databaseUrl: string): Promise<{ bare: number; withJob: number }> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 });
  const schema = uniqueName('bench');
  const outbox = postgresOutbox(pool, { schema });
  await outbox.migrate();
  await pool.query(
    `CREATE TABLE "${schema}".orders (id bigserial PRIMARY KEY, customer text, cents int)`,
  );
  const queue = new JobQueue({ transport: memoryTransport(), outbox });
  const job = defineJob({ name: 'bench', schema: z.object({ n: z.number() }) });
  const order = async (n: number, enqueue: boolean) => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query(`INSERT INTO "${schema}".orders (customer, cents) VALUES ($1, $2)`, [
      `c${n}`,
      n,
    ]);
    await client.query(`UPDATE "${schema}".orders SET cents = cents + 1 WHERE id = $1`, [n + 1]);
    if (enqueue) await queue.enqueue(job, { n }, { tx: client });
    await client.query('COMMIT');
    client.release();
  };
  const rounds = { bare: 0, withJob: 0 };
  for (let round = 0; round < 4; round++) {
    rounds.bare += (await perSecond(JOBS / 10, 10, (n) => order(n, false))) / 4;
    rounds.withJob += (await perSecond(JOBS / 10, 10, (n) => order(n, true))) / 4;
  }
  await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
  await pool.end();
  return rounds;
}

const backends = await startBackends({ log: (line) => console.log(line) });
const { redisUrl, databaseUrl, kafkaBrokers } = backends;
const servers: Servers = { redisUrl, databaseUrl, kafkaBrokers };
console.log(
  `${cpus().length} cpus (${cpus()[0]?.model}), Node ${version}, ${JOBS} jobs, concurrency 50\n`,
);

const all: Figures[] = [];
for (const make of [
  (id: string) => evenkeel(servers, id, '@platformatic/kafka'),
  (id: string) => evenkeel(servers, id, 'kafkajs'),
  (id: string) => bullmq(servers, id),
  (id: string) => pgBoss(servers, id),
  (id: string) => graphile(servers, id),
]) {
  all.push(await measure(await make(uniqueName('bench'))));
}
const [, onKafkajs, bull] = all as [Figures, Figures, Figures, ...Figures[]];
const cell = (value: number, digits = 0) => value.toFixed(digits).padStart(8);
const ratio = (value: number, base: number) => `${(value / base).toFixed(2)}x`.padStart(7);
console.log(
  '                           enqueue/s (BullMQ)  by 250 (BullMQ)  bulk/s (BullMQ)  by 4 (BullMQ) processed/s (BullMQ) CPU us/job  p50 ms   p99 ms',
);
for (const f of all) {
  console.log(
    f.name.padEnd(26),
    cell(f.addedPerSecond),
    ratio(f.addedPerSecond, bull.addedPerSecond),
    cell(f.addedBy250PerSecond),
    ratio(f.addedBy250PerSecond, bull.addedBy250PerSecond),
    cell(f.bulkPerSecond),
    ratio(f.bulkPerSecond, bull.bulkPerSecond),
    cell(f.bulkBy4PerSecond),
    ratio(f.bulkBy4PerSecond, bull.bulkBy4PerSecond),
    '   ',
    cell(f.processedPerSecond),
    ratio(f.processedPerSecond, bull.processedPerSecond),
    '  ',
    cell(f.cpuMicros),
    cell(f.p50Ms, 1),
    cell(f.p99Ms, 1),
  );
}
const raw = await rawKafkajs(servers);
const rawP50 = quantile(raw, 0.5);
console.log(
  `\nraw kafkajs consumer: p50 ${rawP50.toFixed(1)} ms; added by us with it: ${(onKafkajs.p50Ms - rawP50).toFixed(1)} ms`,
);
for (const size of [50, 250, 500]) {
  const records = await rawSends(servers, size);
  console.log(`raw kafkajs, ${size} records a request: ${records.toFixed(0)} records/s`);
}
// The shared server does not wait for its disk, as in tests; one of production does
const durable = await startPostgres({ durable: true });
for (const [what, url] of [
  ['commits wait for the disk', durable.url],
  ['commits do not wait', databaseUrl],
] as const) {
  const { bare, withJob } = await outboxCost(url);
  console.log(
    `business transaction, ${what}: ${bare.toFixed(0)}/s bare, ${withJob.toFixed(0)}/s with a job in it: ${(bare / withJob).toFixed(2)}x the time`,
  );
}
await durable.stop();
await backends.stop();
process.exit();
