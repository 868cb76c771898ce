/**
 * Enqueue by 50 and by 250 callers at a time, bulk enqueue by one and by four, processing with a no-op handler, and latency, beside BullMQ, pg-boss and
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
const ROUNDS = 5;
const WARM_BULKS = 40; // the broker, too, compiles as it goes
const WARM_CALLS = 2_000;

interface Figures {
  readonly name: string;
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

/** What is enqueued in turn by all, so that what the machine does meanwhile burdens all alike. */
const KINDS = [
  { kind: 'by50', callers: 50, bulk: 1, calls: JOBS / 10 },
  { kind: 'by250', callers: 250, bulk: 1, calls: JOBS / 10 },
  { kind: 'bulk', callers: 1, bulk: 500, calls: JOBS / 1_000 },
  { kind: 'bulkBy4', callers: 4, bulk: 500, calls: JOBS / 1_000 },
] as const;
type Added = Record<(typeof KINDS)[number]['kind'], number[]>;

/** Jobs a second, round by round. */
async function enqueues(contenders: readonly Contender[]): Promise<Map<Contender, Added>> {
  const rates = new Map<Contender, Added>();
  for (const contender of contenders) {
    rates.set(contender, { by50: [], by250: [], bulk: [], bulkBy4: [] });
    for (let i = 0; i < WARM_BULKS; i++) await contender.addMany(i * 500, 500);
    await perSecond(WARM_CALLS, 50, (i) => contender.add(i));
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const { kind, callers, bulk, calls } of KINDS) {
      for (const [contender, own] of rates) {
        const add = (i: number) =>
          bulk === 1 ? contender.add(i) : contender.addMany(i * bulk, bulk);
        own[kind].push(bulk * (await perSecond(Math.ceil(calls), callers, add)));
        await contender.settled?.(); // what it left to do is not the next one's burden
      }
    }
  }
  return rates;
}

async function measure(contender: Contender): Promise<Figures> {
  const total =
    WARM_BULKS * 500 +
    WARM_CALLS +
    ROUNDS * KINDS.reduce((sum, { bulk, calls }) => sum + bulk * Math.ceil(calls), 0);
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

const contenders = [
  await evenkeel(servers, uniqueName('bench'), '@platformatic/kafka'),
  await evenkeel(servers, uniqueName('bench'), 'kafkajs'),
  await bullmq(servers, uniqueName('bench')),
  await pgBoss(servers, uniqueName('bench')),
  await graphile(servers, uniqueName('bench')),
];
const added = await enqueues(contenders);
const all: Figures[] = [];
for (const contender of contenders) all.push(await measure(contender));
const [, onKafkajs, bull] = all as [Figures, Figures, Figures, ...Figures[]];
const cell = (value: number, digits = 0) => value.toFixed(digits).padStart(8);
const ratio = (value: number, base: number) => `${(value / base).toFixed(2)}x`.padStart(7);
const bullAdded = added.get(contenders[2] as Contender) as Added;
/** The median, and the median of the rounds' ratios. */
const addedCells = (kind: keyof Added, rates: Added): string => {
  const ratios = rates[kind].map((rate, round) => rate / (bullAdded[kind][round] as number));
  return cell(quantile(rates[kind], 0.5)) + ratio(quantile(ratios, 0.5), 1);
};
console.log(
  `                           jobs/s (BullMQ), medians of ${ROUNDS} rounds in turn                                                  CPU`,
);
console.log(
  '                           add by 50       add by 250      bulk of 500     bulk, 4 callers  processed      us/job  p50 ms  p99 ms',
);
for (const [i, f] of all.entries()) {
  const rates = added.get(contenders[i] as Contender) as Added;
  console.log(
    f.name.padEnd(26) + KINDS.map(({ kind }) => addedCells(kind, rates)).join(' '),
    cell(f.processedPerSecond) + ratio(f.processedPerSecond, bull.processedPerSecond),
    cell(f.cpuMicros, 0),
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
