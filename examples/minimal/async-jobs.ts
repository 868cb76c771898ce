// A charge is accepted in the transaction of its order, and happens behind Kafka, once.
import * as jobs from '@evenkeel/async-jobs';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { z } from 'zod';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const outbox = jobs.postgresOutbox(pool, { schema: 'minimal_jobs' });
const brokers = (process.env.KAFKA_BROKERS ?? '').split(',');
const transport = jobs.kafkajsTransport(new Kafka({ brokers, logLevel: logLevel.NOTHING }));
const queue = new jobs.JobQueue({ transport, outbox });
const schema = z.object({ orderId: z.string(), cents: z.number().int() });
const charge = jobs.defineJob({ name: 'charge', queue: 'minimal', schema, inbox: true });
await Promise.all([outbox.migrate(), queue.ensureTopics([charge])]); // at deploy

const takeMoney = jobs.handle(
  charge,
  ({ orderId, cents }, ctx) => ctx.tx(async () => console.log(`charged ${cents} for ${orderId}`)), // SQL here: once for this job
);
const worker = new jobs.Worker(queue, { handlers: [takeMoney] });
const done = new Promise((resolve) => worker.once('completed', resolve));
await Promise.all([worker.run(), queue.relay().run()]);

const client = await pool.connect();
await client.query('BEGIN'); // ... INSERT INTO orders ...
await queue.enqueue(charge, { orderId: `o${Date.now()}`, cents: 4200 }, { tx: client });
await client.query('COMMIT'); // the order and its charge exist together, or neither does
client.release();
await done.then(() => worker.drain()); // on SIGTERM
await queue.close().then(() => pool.end());
