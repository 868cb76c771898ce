import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { type Hold, HoldPool } from '../src/index.ts';
import { counts, grab, journalled, makePool, newId, noRows, openPool } from './setup.ts';

const epochOf = (redis: Redis, pool: HoldPool) => redis.hget(`{hold:${pool.pool}}:m`, 'epoch');

describe('FLUSHALL', () => {
  test('with 600 holds open loses next to none of them, and the epoch changes once', async () => {
    await using server = await startRedis();
    const redisUrl = server.url;
    const { pool, redis } = await openPool({ GA: 1_000 }, { redisUrl });
    const others = Array.from({ length: 3 }, () => makePool(pool.pool, { redisUrl }).pool);
    const pools = [pool, ...others];
    const rebuilt: number[] = [];
    for (const one of pools) one.on('rebuilt', ({ epoch }) => rebuilt.push(epoch));
    const holds = await Promise.all(
      Array.from({ length: 600 }, (_, i) => grab(pools[i % 4] as HoldPool)),
    );
    await redis.flushall();
    const outcomes = await Promise.all(
      holds.map((hold, i) => (pools[(i + 1) % 4] as HoldPool).commit(hold, noRows)),
    );
    const sold = outcomes.filter(({ status }) => status === 'sold').length;
    expect(sold).toBeGreaterThanOrEqual(594);
    expect(await epochOf(redis, pool)).toBe('2');
    expect(rebuilt).toEqual([2]);
    expect(await counts(pool)).toBe(`${1_000 - sold}/0/${sold}`);
    for (const one of pools) expect(await one.verify()).toEqual({ ok: true, differences: [] });
    await Promise.all(pools.map((one) => one.close()));
  });

  test('in the middle of a rebuild begins that again', async () => {
    await using server = await startRedis();
    const { pool, redis, pgPool } = await openPool({ GA: 10 }, { redisUrl: server.url });
    await pool.commit(await grab(pool, 2), noRows);
    const held = await grab(pool, 3);
    await journalled(pgPool, held);
    let losses = 0;
    const lose = (most: number) => (done: number) => {
      // over the connection of the pool: before the data that come next
      if (done === 0 && losses++ < most) void redis.flushall();
    };
    await pool.rebuild({ onProgress: lose(1) });
    expect(losses).toBe(2);
    expect(await counts(pool)).toBe('5/3/2');
    await expect(pool.rebuild({ onProgress: lose(100) })).rejects.toThrow('lost the pool again');
    expect(await counts(pool)).toBe('5/3/2');
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  });

  test('again and again in the middle of a sale sells nothing twice', async () => {
    await using server = await startRedis();
    const redisUrl = server.url;
    const seats = Array.from({ length: 40 }, (_, i) => `A-${i}`);
    const options = { redisUrl, limitPerHolder: 5 };
    const { pool, redis, pgPool } = await openPool({ GA: 200, STALLS: { seats } }, options);
    const pools = [pool, makePool(pool.pool, options).pool, makePool(pool.pool, options).pool];
    let running = true;
    let n = 0;
    const buyer = async (shop: HoldPool) => {
      while (running) {
        const i = n++;
        const items =
          i % 3 === 0
            ? [{ sku: 'STALLS', seats: [seats[i % 40] as string] }]
            : [{ sku: 'GA', quantity: (i % 2) + 1 }];
        const result = await shop.hold({ id: newId(), holder: `h${i % 150}`, items });
        if (result.status !== 'held') await sleep(5);
        else if (i % 4 === 0) await shop.release(result.hold);
        else await shop.commit(result.hold, noRows);
      }
    };
    const buyers = Array.from({ length: 12 }, (_, i) => buyer(pools[i % 3] as HoldPool));
    for (let i = 0; i < 4; i++) {
      await sleep(250);
      await redis.flushall();
    }
    await sleep(250);
    running = false;
    await Promise.all(buyers);
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    const { skus } = await pool.available();
    expect(skus.GA?.sold).toBeGreaterThan(0);
    const { rows } = await pgPool.query(
      `SELECT sku, count(*)::int AS n, count(DISTINCT seat)::int AS seats
         FROM soft_hold.seat WHERE pool = $1 GROUP BY sku`,
      [pool.pool],
    );
    expect(rows).toEqual([{ sku: 'STALLS', n: skus.STALLS?.sold, seats: skus.STALLS?.sold }]);
    expect(Number(await epochOf(redis, pool))).toBeLessThanOrEqual(5);
    await Promise.all(pools.map((one) => one.close()));
  });
});

describe('data that has gone back', () => {
  test('is noticed by whoever has seen more, and replaced', async () => {
    await using server = await startRedis();
    const { pool, redis, pgPool } = await openPool({ GA: 10 }, { redisUrl: server.url });
    await grab(pool);
    const keys = await redis.keys('*');
    const old = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    const late = await grab(pool, 3); // written by the master, never seen by the replica
    await journalled(pgPool, late);
    await redis.flushall();
    await Promise.all(keys.map((key, i) => redis.restore(key, 0, old[i] as Buffer)));
    expect(await counts(pool)).toBe('6/4/0');
    expect(await epochOf(redis, pool)).toBe('2');
    expect(await pool.commit(late, noRows)).toEqual({ status: 'sold' });
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    await pool.close();
  });

  test('is noticed even if another process has moved on from it', async () => {
    await using server = await startRedis();
    const redisUrl = server.url;
    const { pool, redis, pgPool } = await openPool({ GA: 10 }, { redisUrl });
    const { pool: other } = makePool(pool.pool, { redisUrl, maintainEveryMs: Infinity });
    await other.available();
    const keys = await redis.keys('*');
    const old = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    const late = await grab(pool, 3);
    await journalled(pgPool, late);
    await redis.flushall();
    await Promise.all(keys.map((key, i) => redis.restore(key, 0, old[i] as Buffer)));
    // the position passes what `pool` has seen
    const more: Hold[] = [];
    for (let i = 0; i < 5; i++) more.push(await grab(other));
    await journalled(pgPool, ...more);
    expect(await pool.commit(late, noRows)).toEqual({ status: 'sold' });
    expect(await counts(pool)).toBe('2/5/3');
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    await Promise.all([pool.close(), other.close()]);
  });

  test('a failover to a replica that lags loses no sale', async () => {
    await using master = await startRedis();
    await using replica = await startRedis({ replicaOf: master });
    const { pool, redis, store } = await openPool({ GA: 10 }, { redisUrl: master.url });
    const sold = await grab(pool, 2);
    const direct = new Redis(replica.url);
    await redis.call('WAIT', '1', '1000');
    await replica.pause(); // hears nothing of what follows
    const late: Hold = await grab(pool, 3);
    expect(await pool.commit(sold, noRows)).toEqual({ status: 'sold' });
    await pool.close();
    await master.kill();
    await replica.resume();
    await direct.replicaof('NO', 'ONE');
    const after = new HoldPool({ redis: direct, store, pool: pool.pool });
    expect(await after.commit(sold, noRows)).toEqual({ status: 'already_sold' });
    expect(await after.commit(late, noRows)).toEqual({ status: 'sold' });
    expect(await counts(after)).toBe('5/0/5');
    expect(await after.verify()).toEqual({ ok: true, differences: [] });
    await after.close();
    direct.disconnect();
  });
});

test('when the clock of the Redis host falls back an hour, time stands still and no hold lives again', async () => {
  const { pool, redis } = await openPool({ GA: 5 }, { graceMs: 0, maintainEveryMs: Infinity });
  const { pool: other } = makePool(pool.pool, { graceMs: 0, maintainEveryMs: Infinity });
  const old = await grab(pool, 2);
  // the clock was an hour ahead until now; from here on it reads what it really is
  const floor = old.createdAt + 3_600_000;
  await redis.hset(`{hold:${pool.pool}}:m`, 'now', floor);
  expect(await counts(other)).toBe('5/0/0');
  expect(await pool.commit(old, noRows)).toEqual({ status: 'expired' });
  const later = await grab(other, 3);
  expect(later).toMatchObject({ createdAt: floor, serverNow: floor });
  await sleep(20);
  expect((await other.available()).serverNow).toBe(floor);
  expect(await pool.extend(later, { forMs: 200_000 })).toMatchObject({ status: 'held' });
  expect(await pool.commit(later, noRows)).toEqual({ status: 'sold' });
  await pool.rebuild(); // what Redis is filled with anew keeps the time too
  expect((await grab(pool)).createdAt).toBe(floor);
  expect(await counts(other)).toBe('1/1/3');
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});

test('a loader that was overtaken cannot damage the pool', async () => {
  await using server = await startRedis();
  const { pool, redis, pgPool, store } = await openPool({ GA: 10 }, { redisUrl: server.url });
  await journalled(pgPool, await grab(pool));
  const { pool: stuck } = makePool(pool.pool, {
    redisUrl: server.url,
    store: new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== 'locked') return typeof value === 'function' ? value.bind(target) : value;
        return (id: string, work: Parameters<typeof store.locked>[1]) =>
          target.locked(id, async (locked) => {
            const advance = async (epoch: number, board: 'redis' | 'store') => {
              const ledger = await locked.advance(epoch, board);
              throw Object.assign(new Error('lost its connection'), { ledger });
            };
            return work({ ...locked, advance });
          });
      },
    }),
  });
  await expect(stuck.rebuild()).rejects.toThrow(); // emptied Redis, then died
  expect(await counts(pool)).toBe('9/1/0');
  expect(await epochOf(redis, pool)).toBe('2');
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
  await Promise.all([pool.close(), stuck.close()]);
});

describe('a silent server', () => {
  test('Redis that hangs costs each call its deadline, and is used again when it wakes', async () => {
    await using server = await startRedis();
    const { pool } = await openPool({ GA: 10 }, { redisUrl: server.url, commandTimeoutMs: 200 });
    const held = await grab(pool);
    await server.pause();
    const started = performance.now();
    const calls = [
      pool.available(),
      pool.release({ id: 'x' }),
      pool.commit(held, noRows),
      pool.hold({ id: 'late', holder: 'ada', items: [{ sku: 'GA', quantity: 1 }] }),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'ERR_HOLD_UNAVAILABLE', system: 'redis' },
      });
    }
    expect(performance.now() - started).toBeLessThan(2_000);
    const check = pool.healthCheck();
    await expect(check.check(AbortSignal.timeout(1_000))).rejects.toThrow();
    await server.resume();
    await expect.poll(() => counts(pool).catch(() => null)).not.toBeNull();
    // the request that timed out arrived after all: the same id tells
    const again = await pool.hold({
      id: 'late',
      holder: 'ada',
      items: [{ sku: 'GA', quantity: 1 }],
    });
    expect(again).toMatchObject({ status: 'held', replayed: true });
    expect(await pool.commit(held, noRows)).toEqual({ status: 'sold' });
    expect(await check.check(AbortSignal.timeout(1_000))).toMatchObject({
      skus: { GA: { sold: 1 } },
    });
    expect(await pool.verify()).toEqual({ ok: true, differences: [] });
    await pool.close();
  });
});
