import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type NativeServer, startRedis } from '../../../test/backends.ts';
import { HoldInputError, HoldPool, type Item, PostgresStore } from '../src/index.ts';
import { clients, counts, grab, newId, noRows, openPool } from './setup.ts';

// a Redis of its own, to see every key there is
let server: NativeServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const everything = async (redis: Redis) => {
  const keys = (await redis.keys('*')).sort();
  return Promise.all(keys.map(async (key) => [key, await redis.dump(key)]));
};

const BAD_IDS = [
  '',
  'x'.repeat(10_000),
  'a{b}c',
  'a|b',
  'a\nb',
  'a\0b',
  'a b',
  'a;b',
  'tick😀t',
  7,
  null,
  undefined,
  {},
  ['a'],
];
const BAD_QUANTITIES = [
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  '1',
  Number.NaN,
  Infinity,
  null,
  undefined,
  1n,
];

test('wrong requests are refused with the field named, and nothing is written', async () => {
  const { pool, redis } = await openPool(
    { GA: 10, STALLS: { seats: ['A-1', 'A-2'] } },
    { redisUrl: server.url, maintainEveryMs: Infinity },
  );
  const held = await grab(pool);
  const before = await everything(redis);
  const refused = async (field: string, request: unknown) => {
    const call = pool.hold(request as Parameters<HoldPool['hold']>[0]);
    await expect(
      call,
      JSON.stringify(request, (_, v) => String(v)),
    ).rejects.toMatchObject({
      name: 'HoldInputError',
      code: 'ERR_HOLD_INPUT',
      field,
      message: expect.stringMatching(/^Expected `/),
    });
  };
  const one = [{ sku: 'GA', quantity: 1 }];
  for (const id of BAD_IDS) {
    await refused('id', { id, holder: 'ada', items: one });
    await refused('holder', { id: newId(), holder: id, items: one });
    await expect(pool.get(id as string)).rejects.toThrow(HoldInputError);
    await expect(pool.release({ id: id as string })).rejects.toThrow(HoldInputError);
  }
  const items = (field: string, value: unknown) =>
    refused(field, { id: newId(), holder: 'ada', items: value });
  for (const quantity of BAD_QUANTITIES) await items('quantity', [{ sku: 'GA', quantity }]);
  for (const sku of ['NONE', '__proto__', 'constructor', 'GA ', 'ga', '', 'G{A}', null, 7])
    await items('sku', [{ sku, quantity: 1 }]);
  for (const none of [[], undefined, null, 'GA', {}, Array(33).fill(one[0])])
    await items('items', none);
  await items('items', [...one, { sku: 'GA', quantity: 2 }]);
  await items('sku', [null]);
  await items('seats', [{ sku: 'GA', seats: ['A-1'] }]);
  await items('quantity', [{ sku: 'STALLS', quantity: 1 }]);
  for (const seats of [
    [],
    ['B-1'],
    ['A-1', 'A-1'],
    'A-1',
    [1],
    ['A|1'],
    undefined,
    Array(65).fill('A-1'),
  ])
    await items('seats', [{ sku: 'STALLS', seats }]);
  for (const forMs of [0, -1, 1.5, 365 * 86_400_000, '1000', Number.NaN])
    await expect(pool.extend(held, { forMs: forMs as number })).rejects.toMatchObject({
      field: 'forMs',
    });
  for (const token of ['', 'x', '1e5', '-1', 12, undefined]) {
    const forged = { ...held, token: token as string };
    await expect(pool.commit(forged, async () => {})).rejects.toMatchObject({ field: 'token' });
  }
  for (const nothing of [null, undefined, 7, 'hold'] as never[]) {
    await expect(pool.commit(nothing, async () => {})).rejects.toThrow(HoldInputError);
    await expect(pool.hold(nothing)).rejects.toThrow(HoldInputError);
    await expect(pool.release(nothing)).rejects.toThrow(HoldInputError);
  }
  expect(await everything(redis)).toEqual(before);
  expect(await counts(pool)).toBe('9/1/0');
  for (const key of await redis.keys('*')) expect(key).toMatch(/^\{hold:sale_[a-z0-9]+\}:[a-z]$/);
});

test('wrong requests of every other kind are refused too, and nothing is written', async () => {
  const rows = [{ seats: ['A1', 'A2', 'A3', null, 'A4'], accessible: ['A4'] }];
  const { pool, redis } = await openPool(
    { GA: 10, HALL: { rows }, STALLS: { seats: ['S1'] } },
    { redisUrl: server.url, maintainEveryMs: Infinity },
  );
  const held = await grab(pool);
  const before = await everything(redis);
  const good = { holder: 'ada', items: [{ sku: 'GA', quantity: 1 }] };
  const refused = (field: string, call: Promise<unknown>) =>
    expect(call, field).rejects.toMatchObject({
      ...{ name: 'HoldInputError', code: 'ERR_HOLD_INPUT', field },
      message: expect.stringMatching(/^Expected `/),
    });
  for (const flag of ['yes', 1, 0, null, {}] as never[]) {
    await refused('partial', pool.hold({ ...good, id: newId(), partial: flag }));
    await refused('queue', pool.hold({ ...good, id: newId(), queue: flag }));
  }
  const best = (line: object) => pool.hold({ ...good, id: newId(), items: [line as Item] });
  for (const quantity of [...BAD_QUANTITIES, 65])
    await refused('quantity', best({ sku: 'HALL', quantity }));
  for (const accessible of ['a', 1, null])
    await refused('accessible', best({ sku: 'HALL', quantity: 1, accessible }));
  await refused('accessible', best({ sku: 'GA', quantity: 1, accessible: true }));
  await refused('accessible', best({ sku: 'STALLS', seats: ['S1'], accessible: true }));
  await refused('seats', best({ sku: 'HALL', seats: ['A1', 'A9'] }));
  await refused('quantity', best({ sku: 'HALL', seats: ['A1'], quantity: 1 }));

  for (const items of [[], null, [{ sku: 'GA', quantity: 0 }], [{ sku: 'NONE', quantity: 1 }]])
    await expect(pool.replace(held, items as never)).rejects.toThrow(HoldInputError);
  await refused('token', pool.replace({ ...held, token: 'x' }, held.items));
  await refused('forMs', pool.extend(held, undefined as never));
  for (const id of BAD_IDS) await refused('id', pool.return({ id: id as string }, noRows));
  for (const total of [...BAD_QUANTITIES.filter((value) => value !== 0), -0.5])
    await refused('total', pool.setTotal('GA', total as number));
  for (const sku of ['NONE', 'HALL', 'STALLS', '__proto__', 'G A', '', null, 7])
    await refused('sku', pool.setTotal(sku as string, 5));
  expect(await everything(redis)).toEqual(before);
  expect(await counts(pool)).toBe('9/1/0');
});

test('wrong stock is refused', async () => {
  const { pool, redis } = await openPool({ GA: 1 }, { redisUrl: server.url });
  const before = (await redis.keys('*')).sort();
  for (const stock of [
    {},
    null,
    { GA: -1 },
    { GA: 1.5 },
    { GA: 2 ** 31 },
    { GA: '5' },
    { 'G|A': 5 },
    { GA: { seats: [] } },
    { GA: { seats: ['A', 'A'] } },
    { GA: { seats: ['A B'] } },
    { GA: null },
    { GA: 5, HALL: { rows: [] } },
    { HALL: { rows: [{ seats: [] }] } },
    { HALL: { rows: [{ seats: ['A', 'A'] }] } },
    { HALL: { rows: [{ seats: ['A'] }, { seats: ['A'] }] } },
    { HALL: { rows: [{ seats: [null] }] } },
    { HALL: { rows: [{ seats: ['A|1'] }] } },
    { HALL: { rows: [{ seats: ['A'], accessible: ['B'] }] } },
    { HALL: { rows: [{ seats: ['A'], accessible: 'A' }] } },
    { HALL: { rows: [{ seats: ['A'] }], focus: { row: Number.NaN, seat: 0 } } },
    { HALL: { rows: [null] } },
  ]) {
    const fresh = new HoldPool({
      redis,
      store: new PostgresStore(clients().pgPool),
      pool: newId(),
    });
    onTestFinished(() => fresh.close());
    await expect(fresh.open(stock as never), JSON.stringify(stock)).rejects.toThrow(HoldInputError);
  }
  expect((await redis.keys('*')).sort()).toEqual(before);
  await pool.close();
});

test('a token of another hold takes, lengthens and returns nothing', async () => {
  const { pool } = await openPool({ GA: 5 }, { redisUrl: server.url });
  const [mine, other] = [await grab(pool), await grab(pool)];
  const forged = { ...mine, token: other.token };
  expect(await pool.commit(forged, async () => {})).toEqual({ status: 'expired' });
  expect(await pool.extend(forged, { forMs: 1_000 })).toEqual({ status: 'expired' });
  await pool.release(forged);
  expect(await pool.get(mine.id)).toMatchObject({ state: 'pending' });
});

test('a limit below what is already held refuses more and takes nothing back', async () => {
  const { pool, redis, store } = await openPool({ GA: 9 }, { redisUrl: server.url });
  await grab(pool, 3, 'ada');
  const stricter = new HoldPool({ redis, store, pool: pool.pool, limitPerHolder: 2 });
  onTestFinished(() => stricter.close());
  const items: Item[] = [{ sku: 'GA', quantity: 1 }];
  expect(await stricter.hold({ id: newId(), holder: 'ada', items })).toEqual({
    status: 'limit',
    limit: 2,
    current: 3,
  });
  expect(await counts(stricter)).toBe('6/3/0');
});

// the last one: by now every kind of wrong request was made of this Redis
test('no key was written outside the tags of the pools', async () => {
  const { pool, redis } = await openPool({ GA: 2 }, { redisUrl: server.url });
  await pool.hold({ id: 'a/b:c@d+e~f', holder: 'ada', items: [{ sku: 'GA', quantity: 1 }] });
  let keys = 0;
  for await (const found of redis.scanStream({ count: 100 }))
    for (const key of found as string[]) {
      expect(key).toMatch(/^\{hold:sale_[a-z0-9]+\}:[mchxkguolqwr]$/);
      keys++;
    }
  expect(keys).toBeGreaterThan(10);
});
