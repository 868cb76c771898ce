import { expect, test } from 'vitest';
import { backends, startRedis } from '../../../test/backends.ts';
import type { DefinitionOptions } from '../src/index.ts';
import { counting, followed, gate, never, Rig, until } from './support/rig.ts';

const { redisUrl } = backends();

test('getMany: one round trip to near, one bulk load of what is missing, order and duplicates kept', async () => {
  await using server = await startRedis(); // it counts for all of its clients
  await using rig = new Rig();
  const a = await rig.following(server.url);
  const here = Array.from({ length: 200 }, (_, i) => `here${i}`);
  for (const key of here) await a.set(key, key);
  const client = rig.client(server.url);
  const b = await followed(rig.cache(client));
  const missing = Array.from({ length: 100 }, (_, i) => `missing${i}`);
  const keys = [...here, ...missing].sort((x, y) => x.slice(-1).localeCompare(y.slice(-1)));
  keys.push('here7', 'missing7', 'here7');
  const calls: string[][] = [];
  const mgets = async () => Number(/mget:calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
  const before = await mgets();
  const values = await b.getMany(keys, (some) => {
    calls.push([...some]);
    return some.map((key) => `loaded ${key}`);
  });
  expect(values).toEqual(keys.map((key) => (key.startsWith('here') ? key : `loaded ${key}`)));
  expect(calls).toHaveLength(1);
  expect(calls[0]?.toSorted()).toEqual(missing.toSorted());
  expect(await mgets()).toBe(before + 1);
  await rig.stored(server.url, ...missing);
  const c = await rig.following(server.url);
  expect(await c.getMany(keys, never)).toEqual(values);
  expect(await b.getMany(keys, never)).toEqual(values);
});

test('getMany: a map leaves out what does not exist; a wrong count is told', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl, { negativeTtlMs: 60_000 });
  const load = (some: readonly string[]) =>
    new Map(some.filter((key) => key !== 'b').map((key) => [key, key.toUpperCase()]));
  expect(await a.getMany(['a', 'b', 'a'], load)).toEqual(['A', undefined, 'A']);
  expect(await a.getMany(['b'], never)).toEqual([undefined]);
  await expect(a.getMany(['x', 'y'], () => [1])).rejects.toThrow(
    'Expected `loadMany` to give a Map or an array of 2, got 1',
  );
  await expect(a.getMany(['x', ''], never)).rejects.toThrow(TypeError);
  await expect(a.getMany(['x'], () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  expect(await a.getMany([], never)).toEqual([]);
});

test('getMany: keys that others load are waited for, not loaded', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const [far, near] = [gate<string>(), gate<string>()];
  const loading = [a.get('far', () => far.opened), b.get('near', () => near.opened)];
  await until(async () => {
    const names = ['far', 'near'].map((key) => `tc:{${rig.namespace}}:l:${key}`);
    return (await rig.client(redisUrl).exists(...names)) === 2;
  });
  const asked = gate<readonly string[]>();
  const many = b.getMany(['far', 'near', 'mine'], (some) => {
    asked.open(some);
    return some.map(() => 'by many');
  });
  expect(await asked.opened).toEqual(['mine']);
  far.open('by a');
  near.open('by b');
  expect(await many).toEqual(['by a', 'by b', 'by many']);
  await Promise.all(loading);
});

test('getMany: what was invalidated during the bulk load is not kept', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const rows = gate<string[]>();
  const asked = gate();
  const many = a.getMany(['x', 'y'], () => {
    asked.open();
    return rows.opened;
  });
  await asked.opened;
  await a.invalidate('x');
  rows.open(['old', 'old']);
  expect(await many).toEqual(['old', 'old']);
  expect(await a.get('x', () => 'new')).toBe('new');
  expect(await a.get('y', never)).toBe('old');
});

test('a definition: keys, loaders, times and tags of one kind of value in one place', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const rows = new Map([1, 2, 3].map((id) => [id, { id, kind: id === 3 ? 'hat' : 'shoe' }]));
  const load = counting();
  const options = {
    key: (id: number) => `product:${id}`,
    load: (id: number) => {
      load();
      return rows.get(id);
    },
    loadMany: (ids: readonly number[]) => new Map(ids.map((id) => [id, rows.get(id)])),
    tags: (product: { kind: string } | undefined) => (product ? [`kind:${product.kind}`] : []),
    ttlMs: 60_000,
  };
  const [products, elsewhere] = [a.define(options), b.define(options)];
  expect(await products.get(1)).toEqual({ id: 1, kind: 'shoe' });
  expect(await products.getMany([3, 1, 2, 9])).toEqual([3, 1, 2, 9].map((id) => rows.get(id)));
  expect(load.calls).toBe(1);
  rows.set(1, { id: 1, kind: 'boot' });
  const { id = '' } = await products.invalidate(1);
  expect(await elsewhere.get(1, { after: id })).toEqual({ id: 1, kind: 'boot' });
  rows.set(2, { id: 2, kind: 'sandal' });
  await b.invalidateTags(['kind:shoe']);
  expect(await elsewhere.get(2)).toEqual({ id: 2, kind: 'sandal' });
  await products.set(3, { id: 3, kind: 'cap' });
  await products.warmUp([1, 2, 3]);
  expect(await products.get(3)).toEqual({ id: 3, kind: 'cap' });
  const each = a.define({
    prefix: 'double',
    key(n: number) {
      if (n < 0) throw new RangeError('negative');
      return `${this.prefix}:${n}`;
    },
    load: (n: number) => n * 2,
  } as DefinitionOptions<number, number> & { prefix: string });
  for (const call of [each.get(-1), each.getMany([-1]), each.invalidate(-1), each.expire(-1)]) {
    await expect(call).rejects.toThrow('negative');
  }
  await expect(each.getMany('12' as never)).rejects.toThrow('Expected `list` to be an array');
  expect(await each.getMany([1, 2])).toEqual([2, 4]);
  expect(() => a.define({ load: never } as never)).toThrow('Expected `key` to be a function');
});

test('warm-up: 2,000 keys are there before anybody asks', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const keys = Array.from({ length: 2_000 }, (_, i) => `warm${i}`);
  let calls = 0;
  await a.warmUp(keys, (some) => {
    calls++;
    return [...some];
  });
  expect(calls).toBe(4);
  await rig.stored(redisUrl, ...keys);
  const b = await rig.following(redisUrl);
  expect(await b.getMany(keys, never)).toEqual(keys);
});
