import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { startChild } from './child.ts';
import { counts, grab, noRows, openPool } from './setup.ts';

/** so many that some are left when the freeze begins, on a slow machine too */
const seats = 300;

test('Redis frozen for ten seconds under three shops: calls end in time, late commands do no harm', async () => {
  await using server = await startRedis();
  const options = { ttlMs: 400, graceMs: 100, commandTimeoutMs: 300, commitMs: 2_000 };
  const made = await openPool({ GA: seats }, { redisUrl: server.url, ...options });
  const { pool, pgPool } = made;
  const extra = JSON.stringify({ ...options, fallback: false });
  const shops = [1, 2, 3].map((n) =>
    startChild('seller.ts', server.url, pool.pool, `shop${n}`, extra),
  );
  await Promise.all(shops.map((shop) => shop.line('ready')));
  const soldInRedis = async () => (await pool.available().catch(() => null))?.skus.GA?.sold ?? 0;
  await expect.poll(soldInRedis).toBeGreaterThan(5);
  const held = await grab(pool);

  await server.pause();
  const frozenAt = performance.now();
  const started = performance.now();
  // these stand in the pipe of their clients for the whole time, and reach a Redis that is later
  const late = pool.hold({ id: 'late', holder: 'ada', items: [{ sku: 'GA', quantity: 1 }] });
  await expect(late).rejects.toMatchObject({ code: 'ERR_HOLD_UNAVAILABLE', system: 'redis' });
  await expect(pool.commit(held, noRows)).rejects.toMatchObject({ system: 'redis' });
  expect(performance.now() - started).toBeLessThan(5_000);
  await sleep(10_000 - (performance.now() - frozenAt));
  await server.resume();

  await expect.poll(soldInRedis, { timeout: 30_000 }).toBe(seats);
  for (const shop of shops) shop.send('stop');
  const told = await Promise.all(shops.map((shop) => shop.result()));
  await expect.poll(() => counts(pool), { timeout: 30_000 }).toBe(`0/0/${seats}`);
  const { rows } = await pgPool.query(
    `SELECT sold, (SELECT count(*)::int FROM soft_hold.outcome o WHERE o.pool = s.pool AND outcome = 'sold') AS decided
       FROM soft_hold.sku s WHERE pool = $1`,
    [pool.pool],
  );
  expect(rows).toEqual([{ sold: seats, decided: seats }]);
  // a shop may have given up on an answer, but none was told of a sale that is none
  expect(told.reduce((sum, { sold }) => sum + sold, 0)).toBeLessThanOrEqual(seats);
  // the frozen hold ran out before its commit was heard: it never comes back
  expect((await pool.commit(held, noRows)).status).not.toBe('sold');
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  await pool.close();
});
