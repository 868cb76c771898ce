import { expect, test } from 'vitest';
import { uniqueName } from '../../../test/backends.ts';
import type { HoldPool } from '../src/index.ts';
import { counts, fakeClock, grab, makePool, openPool } from './setup.ts';

// what is to be seen in Redis itself; what every board must answer is in conformance.integration.test.ts

test('open may be called by several processes at the same moment', async () => {
  const name = uniqueName('sale');
  const pools = Array.from({ length: 6 }, () => makePool(name));
  await Promise.all(pools.map(({ store }) => store.migrate()));
  await Promise.all(pools.map(({ pool }) => pool.open({ GA: 5 })));
  const first = pools[0]?.pool as HoldPool;
  await grab(first, 2);
  for (const { pool } of pools) expect(await counts(pool)).toBe('3/2/0');
  expect(await pools[0]?.redis.hget(`{hold:${name}}:m`, 'epoch')).toBe('1');
});

test('the timer of any process returns a hold when nobody comes', async () => {
  const { pool, redis } = await openPool({ GA: 2 }, { ttlMs: 50, graceMs: 0, maintainEveryMs: 60 });
  const held = await grab(pool, 2);
  await expect.poll(() => redis.hget(`{hold:${pool.pool}}:c`, 'GA')).toBe('2 0 0 2');
  expect(await pool.get(held.id)).toMatchObject({ state: 'expired' });
});

test('what has ended is forgotten after the replay window', async () => {
  const clock = fakeClock();
  const { pool, redis } = await openPool({ GA: 1 }, { clock, replayMs: 10_000 });
  const held = await grab(pool);
  await pool.release(held);
  clock.advance(held.expiresAt + 10_000 - clock());
  await pool.maintain();
  expect(await pool.get(held.id)).toBeNull();
  expect(await redis.hlen(`{hold:${pool.pool}}:h`)).toBe(0);
  expect(await redis.exists(`{hold:${pool.pool}}:u`, `{hold:${pool.pool}}:g`)).toBe(0);
});

test('a changed total survives the loss of Redis', async () => {
  const { pool, redis } = await openPool({ GA: 5 });
  await redis.del(...[...'mchxkguolqwr'].map((key) => `{hold:${pool.pool}}:${key}`));
  expect(await pool.setTotal('GA', 8)).toEqual({ status: 'changed', total: 8 });
  await redis.del(...[...'mchxkguolqwr'].map((key) => `{hold:${pool.pool}}:${key}`));
  expect(await counts(pool)).toBe('8/0/0');
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});
