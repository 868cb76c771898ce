import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { HoldPool, type HoldPoolOptions } from '../src/index.ts';
import { startChild } from './child.ts';
import { counts, grab, journalled, makePool, newId, noRows, openPool } from './setup.ts';

const FAST = {
  fallback: { afterMs: 300, backAfterMs: 300 },
  commandTimeoutMs: 200,
  maintainEveryMs: 50,
} satisfies Partial<HoldPoolOptions>;
const boardOf = (pool: HoldPool) => `${pool.snapshot().board} ${pool.snapshot().epoch}`;
const settled = (pool: HoldPool, board: string) => expect.poll(() => boardOf(pool)).toBe(board);

test('while Redis is away the pool sells from PostgreSQL, and goes back', async () => {
  await using server = await startRedis();
  const options = { redisUrl: server.url, ...FAST };
  const { pool, pgPool } = await openPool(
    { GA: 10, VIP: { rows: [{ seats: ['A1', 'A2'] }] } },
    options,
  );
  const { pool: other } = makePool(pool.pool, options);
  await other.available();
  const seats = await pool.hold({ id: newId(), holder: 'a', items: [{ sku: 'VIP', quantity: 2 }] });
  if (seats.status !== 'held') throw new Error(seats.status);
  const [sold, open, pinned] = [await grab(pool, 2), await grab(pool, 3), await grab(pool, 1)];
  expect(await pool.commit(sold, noRows)).toEqual({ status: 'sold' });
  await expect(pool.commit(pinned, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await journalled(pgPool, seats.hold, sold, open, pinned);
  await server.kill();
  await settled(pool, 'store 2');
  await settled(other, 'store 2');
  expect(await counts(pool)).toBe('4/4/2');
  expect(await other.commit(open, noRows)).toEqual({ status: 'sold' });
  expect(await other.commit(pinned, noRows)).toEqual({ status: 'sold' });
  const during = await grab(other, 4);
  await expect(grab(pool)).rejects.toThrow('sold_out');
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  await server.restart();
  await settled(pool, 'redis 3');
  await settled(other, 'redis 3');
  expect(await counts(pool)).toBe('0/4/6');
  expect(await pool.commit(seats.hold, noRows)).toEqual({ status: 'sold' });
  expect(await pool.commit(during, noRows)).toEqual({ status: 'sold' });
  expect(await other.commit(sold, noRows)).toEqual({ status: 'already_sold' });
  for (const one of [pool, other]) {
    expect(await one.verify()).toEqual({ ok: true, differences: [] });
    await one.close();
  }
});

test('a process that still grants from Redis cannot sell what PostgreSQL has sold', async () => {
  await using server = await startRedis();
  const options = { redisUrl: server.url, ...FAST };
  const { pool, store } = await openPool({ GA: 2 }, options);
  // this one sees Redis all the time and looks nowhere else; the other has lost its way to it
  const { pool: zombie } = makePool(pool.pool, { redisUrl: server.url, maintainEveryMs: Infinity });
  await zombie.available();
  const dead = new Redis({ port: 1, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
  dead.on('error', () => {});
  const cut = new HoldPool({
    redis: dead,
    store,
    pool: pool.pool,
    ...FAST,
    fallback: { afterMs: 100, backAfterMs: 60_000 },
  });
  onTestFinished(() => cut.close());
  await pool.close();
  await cut.available().catch(() => {});
  await settled(cut, 'store 2');
  const fromStore = [await grab(cut), await grab(cut)];
  const fromRedis = [await grab(zombie), await grab(zombie)];
  const outcomes = await Promise.all([
    ...fromRedis.map((hold) => zombie.commit(hold, noRows)),
    ...fromStore.map((hold) => cut.commit(hold, noRows)),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['expired', 'expired', 'sold', 'sold']);
  expect(boardOf(zombie)).toBe('store 2'); // the first refused commit told it
  expect(await counts(zombie)).toBe('0/0/2');
  expect(await cut.verify()).toEqual({ ok: true, differences: [] });
});

test('two processes sell through an outage of Redis and its end, and nothing is oversold', async () => {
  await using server = await startRedis();
  const options = { redisUrl: server.url, ...FAST };
  const { pool, pgPool } = await openPool({ GA: 300 }, options);
  const children = [1, 2].map((n) => startChild('seller.ts', server.url, pool.pool, `seller${n}`));
  await Promise.all(children.map((child) => child.line('ready')));
  await sleep(400);
  await server.kill();
  await settled(pool, 'store 2');
  await sleep(700);
  await server.restart();
  await settled(pool, 'redis 3');
  await sleep(400);
  for (const child of children) child.send('stop');
  const results = await Promise.all(children.map((child) => child.result()));
  const sold = results.reduce((sum, result) => sum + result.sold, 0);
  expect(
    results.every((result) => result.boards.includes('store') && result.boards.includes('redis')),
  ).toBe(true);
  const { rows } = await pgPool.query(
    `SELECT sku.sold, (SELECT count(*)::int FROM soft_hold.outcome o WHERE o.pool = sku.pool AND outcome = 'sold') AS decided
       FROM soft_hold.sku WHERE pool = $1`,
    [pool.pool],
  );
  expect(rows).toEqual([{ sold, decided: sold }]);
  expect(sold).toBeGreaterThan(0);
  expect(sold).toBeLessThanOrEqual(300);
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  await pool.close();
}, 90_000);
