import { expect, test } from 'vitest';
import { counts, grab, newId, noRows, openPool } from './setup.ts';

async function sale() {
  const made = await openPool({ GA: 10, STALLS: { seats: ['A-1', 'A-2'] } });
  const { pool } = made;
  await pool.commit(await grab(pool, 2, 'ada'), noRows);
  const seat = [{ sku: 'STALLS', seats: ['A-1'] }];
  await pool.hold({ id: newId(), holder: 'bob', items: seat });
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  return { ...made, key: (name: string) => `{hold:${pool.pool}}:${name}` };
}

test('verify names what differs in Redis, and rebuild repairs it', async () => {
  const { pool, redis, key } = await sale();
  await redis.hset(key('c'), 'GA', '9 0 1 10');
  await redis.hset(key('u'), 'bob', 3);
  await redis.hset(key('o'), 'STALLS/A-2', 'hnobody');
  const { ok, differences } = await pool.verify();
  expect(ok).toBe(false);
  expect(differences).toEqual([
    { what: 'sold of GA', sku: 'GA', found: 1, expected: 2 },
    { what: 'owner of STALLS/A-2', sku: 'STALLS', found: 'hnobody', expected: null },
    { what: 'units of bob', sku: null, found: 3, expected: 1 },
  ]);
  await pool.rebuild();
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  expect(await counts(pool)).toBe('8/0/2');
  expect(await counts(pool, 'STALLS')).toBe('1/1/0');
});

test('verify sees a sale without its decision row and a decision without its seat', async () => {
  const { pool, pgPool } = await sale();
  await pgPool.query('UPDATE soft_hold.sku SET sold = sold + 1 WHERE pool = $1', [pool.pool]);
  const { differences } = await pool.verify();
  expect(differences.map(({ what }) => what)).toEqual([
    'sold of GA',
    'decision rows of GA',
    'sold of STALLS',
    'decision rows of STALLS',
    'seat rows of STALLS',
  ]);
});

test('rebuild in the middle of a sale keeps what is held and what is sold', async () => {
  const { pool } = await sale();
  const held = await grab(pool, 3);
  const released = await grab(pool, 1);
  await pool.release(released);
  await pool.rebuild();
  expect(await counts(pool)).toBe('5/3/2');
  expect(await pool.commit(held, noRows)).toEqual({ status: 'sold' });
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});
