import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { backends, startPostgres, uniqueName } from '../../../test/backends.ts';
import { HoldPool, PostgresStore } from '../src/index.ts';
import { counts, grab, noRows } from './setup.ts';

async function openOwn(options: { timeoutMs: number }) {
  const server = await startPostgres();
  const redis = new Redis(backends().redisUrl);
  const pgPool = new pg.Pool({ connectionString: server.url });
  pgPool.on('error', () => {}); // the server goes away on purpose
  const store = new PostgresStore(pgPool, options);
  const pool = new HoldPool({ redis, store, pool: uniqueName('sale'), commitMs: 60_000 });
  onTestFinished(async () => {
    await pool.close();
    redis.disconnect();
    await pgPool.end();
    await server.stop();
  });
  await store.migrate();
  await pool.open({ GA: 10 });
  return { server, pool, pgPool };
}

test('while PostgreSQL is away holds go on, and what was pinned is sold afterwards', async () => {
  const { server, pool, pgPool } = await openOwn({ timeoutMs: 2_000 });
  const held = await grab(pool, 2);
  await server.kill();
  await expect(pool.commit(held, noRows)).rejects.toMatchObject({
    code: 'ERR_HOLD_UNAVAILABLE',
    system: 'postgres',
  });
  const during = await grab(pool);
  expect(await counts(pool)).toBe('7/3/0');
  expect(await pool.get(held.id)).toMatchObject({ state: 'committing' });
  const check = pool.healthCheck();
  await expect(check.check(AbortSignal.timeout(5_000))).rejects.toThrow();
  await server.restart();
  expect(await pool.commit(held, noRows)).toEqual({ status: 'sold' });
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  // the journal has caught up
  const journalled = async () =>
    (await pgPool.query('SELECT hold_id FROM soft_hold.journal WHERE NOT ended')).rows;
  await expect.poll(journalled).toEqual([{ hold_id: during.id }]);
});

test('a connection lost between begin and decide leaves nothing half done', async () => {
  const { pool, pgPool } = await openOwn({ timeoutMs: 5_000 });
  await pgPool.query('CREATE TABLE orders (id text)');
  const held = await grab(pool);
  const cut = pool.commit(held, async (tx) => {
    await tx.query('INSERT INTO orders VALUES ($1)', [held.id]);
    const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
    await pgPool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
  });
  await expect(cut).rejects.toMatchObject({ code: 'ERR_HOLD_UNAVAILABLE', system: 'postgres' });
  expect((await pgPool.query('SELECT * FROM orders')).rowCount).toBe(0);
  expect(await pool.commit(held, noRows)).toEqual({ status: 'sold' });
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});

test('a callers work that hangs is cut off, and does not hold up the other buyers', async () => {
  const { pool } = await openOwn({ timeoutMs: 500 });
  const [stuck, other] = [await grab(pool), await grab(pool)];
  const hanging = pool.commit(stuck, () => new Promise(() => {}));
  const outcome = expect(hanging).rejects.toMatchObject({ code: 'ERR_HOLD_UNAVAILABLE' });
  expect(await pool.commit(other, noRows)).toEqual({ status: 'sold' });
  await outcome;
  expect(await pool.release(stuck)).toEqual({ status: 'released' });
  expect(await counts(pool)).toBe('9/0/1');
});
