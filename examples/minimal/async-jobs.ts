// A charge is accepted at once, in the transaction of its order, and happens behind Kafka, once.
import { env } from 'node:process';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  postgresOutbox,
  redisStatus,
  Worker,
} from '@evenkeel/async-jobs';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { z } from 'zod';

const kafka = new Kafka({
  brokers: (env.KAFKA_BROKERS ?? '').split(','),
  logLevel: logLevel.NOTHING,
});
const pool = new pg.Pool({ connectionString: env.DATABASE_URL });
const redis = new Redis(env.REDIS_URL ?? '');

const charge = defineJob({
  name: 'payment.charge',
  queue: 'minimal-payments',
  schema: z.object({ orderId: z.string(), cents: z.number().int() }),
  key: (payment) => payment.orderId, // charges of one order never overlap
  inbox: true,
});
const outbox = postgresOutbox(pool, { schema: 'minimal_jobs' });
const queue = new JobQueue({
  transport: kafkajsTransport(kafka),
  outbox,
  status: redisStatus(redis),
});
await outbox.migrate();
await queue.ensureTopics([charge]);
const relay = queue.relay();
await relay.run();
const worker = new Worker(queue, {
  handlers: [
    handle(charge, async ({ cents }, ctx) => {
      ctx.progress(50, 'asking the bank');
      return ctx.tx(async (tx) => (await tx.query('SELECT $1::int AS charged', [cents])).rows[0]);
    }),
  ],
});
await worker.run();

const client = await pool.connect();
await client.query('BEGIN');
const orderId = `order-${Date.now()}`;
const ticket = await queue.enqueue(
  charge,
  { orderId, cents: 4200 },
  { tx: client, idempotencyKey: orderId },
);
await client.query('COMMIT'); // the order and its charge exist together, or neither does
client.release();
for await (const { state, progress, result } of queue.watch(ticket.id)) {
  console.log(state, `${progress} %`, result ?? '');
}

await worker.drain();
await queue.close();
await pool.end();
redis.disconnect();
