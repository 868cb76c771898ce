import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  defineJob,
  handle,
  JobQueue,
  kafkajsTransport,
  postgresOutbox,
  redisStatus,
  Worker,
} from '@evenkeel/async-jobs';
import { CircuitBreaker } from '@evenkeel/circuit-breaker';
import { Health, pgCheck, redisCheck } from '@evenkeel/health';
import { type Hold, HoldPool, PostgresStore } from '@evenkeel/soft-hold';
import { TieredCache } from '@evenkeel/tiered-cache';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { backends, uniqueName } from './backends.ts';

const { redisUrl, databaseUrl, kafkaBrokers } = backends();
const name = uniqueName('composition');
const redis = new Redis(redisUrl);
const database = new pg.Pool({ connectionString: databaseUrl });
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  await database.query(`create schema ${name}`);
  await database.query(
    `create table ${name}.orders (id text primary key, cents int not null, charge text)`,
  );
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await database.query(`drop schema ${name} cascade`);
  await database.end();
  redis.disconnect();
});

/** A payment provider that charges a key once and counts what it was asked. */
async function startProvider() {
  const charges = new Map<string, number>();
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://provider');
    charges.set(String(request.headers['idempotency-key']), Number(searchParams.get('cents')));
    response.end(`charge-${charges.size}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => server.close());
  return { charges, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('thirty buyers, twenty tickets: all five packages sell each ticket once and charge for it once', async () => {
  const provider = await startProvider();
  const breaker = new CircuitBreaker({ name: 'provider', timeoutMs: 5_000 });
  const cache = new TieredCache({ namespace: name, redis });
  closing.push(() => cache.close());
  const price = () => cache.get<number>('price', async () => 4_200);

  const store = new PostgresStore(database, { schema: `${name}_holds` });
  await store.migrate();
  const pool = new HoldPool({ redis, store, pool: name });
  closing.push(() => pool.close());
  await pool.open({ GA: 20 });

  const outbox = postgresOutbox(database, { schema: `${name}_jobs` });
  await outbox.migrate();
  const kafka = new Kafka({ brokers: kafkaBrokers.split(','), logLevel: logLevel.NOTHING });
  const queue = new JobQueue({
    transport: kafkajsTransport(kafka),
    outbox,
    status: redisStatus(redis, { prefix: name }),
  });
  closing.push(() => queue.close());
  const pay = defineJob({
    name: 'pay',
    queue: name,
    schema: z.object({ cents: z.number().int(), hold: z.custom<Hold>() }),
    key: ({ hold }) => hold.id,
  });
  await queue.ensureTopics([pay]);
  await queue.relay().run();
  const worker = new Worker(queue, {
    handlers: [
      handle(pay, async ({ cents, hold }, ctx) => {
        const charge = await breaker.execute(async ({ signal }) => {
          const headers = { 'idempotency-key': ctx.id };
          return (await fetch(`${provider.url}/?cents=${cents}`, { headers, signal })).text();
        });
        const { status } = await pool.commit(hold, async (tx) => {
          await tx.query(`update ${name}.orders set charge = $2 where id = $1`, [hold.id, charge]);
        });
        return status;
      }),
    ],
  });
  await worker.run();
  closing.push(() => worker.drain());

  const health = new Health({ service: 'composition' });
  closing.push(() => health.close());
  health.check('orders', pgCheck(database, { query: `select count(*) from ${name}.orders` }));
  health.check('redis', redisCheck(redis), { scope: 'shared' });
  for (const part of [breaker, cache, pool, queue, worker]) health.check(part.healthCheck());
  await expect.poll(() => health.readiness()).toMatchObject({ status: 'pass' }); // 'warn' while slow

  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      pool.hold({ id: `${name}-${n}`, holder: `buyer-${n}`, items: [{ sku: 'GA', quantity: 1 }] }),
    ),
  );
  const held = answers.flatMap((answer) => (answer.status === 'held' ? [answer.hold] : []));
  expect(held).toHaveLength(20);

  // the order and its job exist together, or neither does
  const tickets = await Promise.all(
    held.map(async (hold) => {
      const cents = await price();
      const tx = await database.connect();
      try {
        await tx.query('begin');
        await tx.query(`insert into ${name}.orders (id, cents) values ($1, $2)`, [hold.id, cents]);
        const ticket = await queue.enqueue(pay, { cents, hold }, { tx, idempotencyKey: hold.id });
        await tx.query('commit');
        return ticket;
      } finally {
        tx.release();
      }
    }),
  );
  const results = await Promise.all(
    tickets.map(async ({ id }) => {
      for await (const { state, result } of queue.watch(id, {
        signal: AbortSignal.timeout(30_000),
      })) {
        if (state === 'succeeded' || state === 'dead') return result;
      }
      return undefined;
    }),
  );

  expect(results).toEqual(Array.from({ length: 20 }, () => 'sold'));
  expect([...provider.charges.values()]).toEqual(Array.from({ length: 20 }, () => 4_200));
  const { rows } = await database.query(
    `select count(*)::int as paid from ${name}.orders where charge is not null`,
  );
  expect(rows).toEqual([{ paid: 20 }]);
  expect((await pool.available()).skus.GA).toMatchObject({ total: 20, free: 0, held: 0, sold: 20 });
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  await expect.poll(() => health.readiness()).toMatchObject({ status: 'pass' }); // 'warn' while slow
});
