// A charge is accepted in the transaction of its order, and happens behind Kafka, once.
import * as jobs from '@evenkeel/async-jobs';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { z } from 'zod';

const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const outbox = jobs.postgresOutbox(pool, { schema: 'minimal_jobs' });
const transport = jobs.kafkajsTransport(new Kafka({ brokers, logLevel: logLevel.NOTHING }));
const queue = new jobs.JobQueue({ transport, outbox });
const charge = jobs.defineJob({
  name: 'payment.charge',
  queue: 'minimal-payments',
  schema: z.object({ orderId: z.string(), cents: z.number().int() }),
  key: (payment) => payment.orderId, // charges of one order never overlap
  inbox: true,
});
await outbox.migrate(); // at deploy, both
await queue.ensureTopics([charge]);

const takeMoney = jobs.handle(charge, ({ orderId, cents }, ctx) =>
  ctx.tx(async (tx) => {
    await tx.query('SELECT $1::text, $2::int', [orderId, cents]); // the effect: once for this job
    console.log(`charged ${cents} for ${orderId}`);
  }),
);
const worker = new jobs.Worker(queue, { handlers: [takeMoney] });
const done = new Promise((resolve) => worker.once('completed', resolve));
await Promise.all([worker.run(), queue.relay().run()]);

const client = await pool.connect();
await client.query('BEGIN'); // ... INSERT INTO orders ...
const payment = { orderId: `order-${Date.now()}`, cents: 4200 };
await queue.enqueue(charge, payment, { tx: client, idempotencyKey: payment.orderId });
await client.query('COMMIT'); // the order and its charge exist together, or neither does
client.release();

await done;
await worker.drain(); // on SIGTERM
await queue.close();
await pool.end();
