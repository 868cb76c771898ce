import { expect, test } from 'vitest';
import { startRedis, uniqueName } from '../../../test/backends.ts';
import type { ChangeEvent, HoldPool, SeatState } from '../src/index.ts';
import { counts, fakeClock, grab, makePool, newId, noRows, openPool } from './setup.ts';

test('tells every change of every process in order, and together they make the snapshot', async () => {
  const clock = fakeClock();
  const { pool } = await openPool({ GA: 20, STALLS: { seats: ['A-1', 'A-2', 'A-3'] } }, { clock });
  const { pool: watcher } = makePool(pool.pool, { clock });
  const steps: ChangeEvent[] = [];
  const seats: Record<string, SeatState> = {};
  const skus: Record<string, { free: number; held: number; sold: number }> = {};
  watcher.on('change', (event) => {
    steps.push(event);
    for (const { sku, seats: changed, ...count } of event.changes) {
      skus[sku] = count;
      Object.assign(seats, changed);
    }
  });
  await watcher.subscribe();
  const start = await watcher.available();

  const held = await grab(pool, 2);
  await pool.extend(held, { forMs: 100_000 });
  await pool.commit(held, noRows);
  const seated = await pool.hold({
    id: newId(),
    holder: 'ada',
    items: [{ sku: 'STALLS', seats: ['A-1', 'A-3'] }],
  });
  if (seated.status !== 'held') throw new Error('not held');
  const kept = await pool.hold({
    id: newId(),
    holder: 'bob',
    items: [{ sku: 'STALLS', seats: ['A-2'] }],
  });
  if (kept.status !== 'held') throw new Error('not held');
  await pool.commit(kept.hold, noRows);
  await pool.release(seated.hold);
  await grab(pool, 5);
  clock.advance(200_000);
  await pool.maintain();

  const end = await pool.available({ seats: true });
  await expect.poll(() => steps.at(-1)?.seq).toBe(end.seq);
  expect(steps.map(({ seq }) => seq)).toEqual(
    Array.from({ length: end.seq - start.seq }, (_, i) => start.seq + 1 + i),
  );
  expect(skus).toMatchObject({ GA: { free: 18, held: 0, sold: 2 }, STALLS: { free: 2, sold: 1 } });
  expect(seats).toEqual(end.skus.STALLS?.seats);
});

// what is free, or would be if all that is due were swept, counted from the holds themselves
const TRULY_FREE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local taken = 0
for _, text in ipairs(redis.call('HVALS', KEYS[2])) do
  local state, expires, units = string.match(text, '^(%a) %d+ %d+ (%d+) %S+ GA=(%d+)')
  local due = state == 'p' and expires + tonumber(ARGV[1]) <= now
  if (state == 'p' and not due) or state == 'c' or state == 's' then taken = taken + units end
end
return { redis.call('HGET', KEYS[1], 'seq'), ARGV[2] - taken }
`;

test('what is shown never exceeds what is free or due, whoever buys, leaves or is late meanwhile', async () => {
  const stock = 60;
  const options = { ttlMs: 60, graceMs: 20, maintainEveryMs: 30 };
  const { pool, redis } = await openPool({ GA: stock }, options);
  const shops = [pool, ...[1, 2].map(() => makePool(pool.pool, options).pool)];
  const { pool: watcher } = makePool(pool.pool, options);
  const shown = new Map<number, number>();
  const show = (seq: number, free: number | undefined) => {
    if (free !== undefined) shown.set(seq, Math.max(free, shown.get(seq) ?? 0));
  };
  watcher.on('change', ({ seq, changes }) => show(seq, changes[0]?.free));
  const refetch = async () => {
    const { seq, skus } = await watcher.available();
    show(seq, skus.GA?.free);
    return seq;
  };
  watcher.on('gap', () => void refetch());
  await watcher.subscribe();
  const epoch = Math.floor((await refetch()) / 2 ** 32) * 2 ** 32;

  let running = true;
  const buyer = async (shop: HoldPool, n: number) => {
    for (let i = n; running; i++) {
      const quantity = 1 + (i % 3);
      const items = [{ sku: 'GA', quantity }];
      const answer = await shop.hold({ id: newId(), holder: newId(), items });
      if (answer.status !== 'held') await refetch();
      else if (i % 3 === 0) await shop.release(answer.hold);
      else if (i % 20 === 1) await shop.commit(answer.hold, noRows);
    }
  };
  const buyers = Array.from({ length: 9 }, (_, n) => buyer(shops[n % 3] as HoldPool, n));
  const truth: [seq: number, free: number][] = [];
  const keys = ['m', 'h'].map((key) => `{hold:${pool.pool}}:${key}`);
  const compared = () => truth.filter(([seq]) => shown.has(seq));
  // a busy machine compares fewer in the same time
  const begin = Date.now();
  while (Date.now() < begin + 1_500 || (compared().length <= 50 && Date.now() < begin + 30_000)) {
    const [seq, free] = (await redis.eval(TRULY_FREE, 2, ...keys, options.graceMs, stock)) as [
      string,
      number,
    ];
    truth.push([epoch + Number(seq), free]);
  }
  running = false;
  await Promise.all(buyers);
  const last = await refetch();
  await expect.poll(() => shown.has(last)).toBe(true);
  const pairs = compared();
  expect(pairs.length).toBeGreaterThan(50);
  const exceeded = pairs.filter(([seq, free]) => (shown.get(seq) as number) > free);
  expect(exceeded).toEqual([]);
  expect(new Set(pairs.map(([, free]) => free)).size).toBeGreaterThan(5);
  expect(await pool.verify()).toEqual({ ok: true, differences: [] });
});

test('names the holds that ran out', async () => {
  const clock = fakeClock();
  const { pool } = await openPool({ GA: 2 }, { clock });
  const expired: string[] = [];
  pool.on('expired', ({ ids }) => expired.push(...ids));
  await pool.subscribe();
  const held = await grab(pool);
  clock.advance(200_000);
  await pool.maintain();
  await expect.poll(() => expired).toEqual([held.id]);
});

test('says gap when steps are gone, and goes on from there', async () => {
  await using server = await startRedis(); // its connections are cut, so it is this test's own
  const redisUrl = server.url;
  const { pool, redis } = await openPool({ GA: 50 }, { redisUrl });
  const { pool: watcher } = makePool(pool.pool, { redisUrl });
  const told: string[] = [];
  watcher.on('gap', ({ seq }) => told.push(`gap ${seq}`));
  watcher.on('change', ({ seq }) => told.push(`change ${seq}`));
  await watcher.subscribe();
  await grab(pool);
  await expect.poll(() => told).toHaveLength(1);
  told.length = 0;
  // the feed's connection is cut, and before it is back the stream has been trimmed past it
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  for (let i = 0; i < 3; i++) await grab(pool);
  await redis.xtrim(`{hold:${pool.pool}}:l`, 'MAXLEN', 1);
  const { seq } = await pool.available();
  await expect.poll(() => told.at(-1)).toBe(`change ${seq}`);
  expect(told[0]).toMatch(/^gap /);
  await Promise.all([pool.close(), watcher.close()]);
});

test('a listener that throws harms neither the others nor the pool', async () => {
  const { pool } = await openPool({ GA: 5 });
  const faults: unknown[] = [];
  let heard = 0;
  pool.on('fault', (error) => faults.push(error));
  pool.on('change', () => {
    throw new Error('listener');
  });
  pool.on('change', () => heard++);
  await pool.subscribe();
  await grab(pool);
  await expect.poll(() => heard).toBe(1);
  expect(faults).toEqual([new Error('listener')]);
  expect(await counts(pool)).toBe('4/1/0');
});

test('listeners that came before the pool was open hear of it too', async () => {
  const { pool, store } = makePool(uniqueName('sale'));
  const faults: unknown[] = [];
  const steps: number[] = [];
  pool.on('fault', (error) => faults.push(error));
  pool.on('change', ({ seq }) => steps.push(seq));
  await store.migrate();
  await pool.open({ GA: 5 });
  await pool.subscribe();
  await grab(pool);
  await expect.poll(() => steps).toHaveLength(1);
  expect(faults).toEqual([]);
});

test('a pool without listeners opens no connection of its own', async () => {
  const { pool, redis } = await openPool({ GA: 5 });
  let duplicates = 0;
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (...args) => {
    duplicates++;
    return duplicate(...args);
  };
  await grab(pool);
  expect(duplicates).toBe(0);
  pool.on('change', () => {});
  await pool.subscribe();
  await pool.subscribe();
  expect(duplicates).toBe(1);
});
