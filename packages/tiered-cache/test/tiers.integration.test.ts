import { expect, test } from 'vitest';
import { backends, startRedis } from '../../../test/backends.ts';
import { CacheClosedError } from '../src/index.ts';
import { counting, followed, HandClock, never, Rig, until } from './support/rig.ts';

const { redisUrl } = backends();
const exact = { jitter: 0 };

test('a value is loaded once, then served by the local tier, and by Redis to other processes', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const load = counting();
  expect(await a.get('k', load)).toEqual({ n: 1 });
  expect(await a.get('k', never)).toEqual({ n: 1 });
  expect(await b.get('k', never)).toEqual({ n: 1 });
  expect(await b.get('k', never)).toEqual({ n: 1 });
  expect(a.stats().hits).toBe(1);
  expect(load.calls).toBe(1);
  expect(b.stats().hits).toBe(1);
  expect(b.stats().near + b.stats().master).toBe(1);
});

test.each(['legacy', 'resp3'] as const)(
  'ioredis 6 with %s replies does what ioredis 5 does',
  async (replyMapping) => {
    await using rig = new Rig();
    const a = await rig.following(redisUrl);
    const b = await followed(rig.cache(rig.client6(redisUrl, replyMapping)));
    expect(await b.get('k', () => 1)).toBe(1);
    expect(await a.get('k', never)).toBe(1);
    const { id = '' } = await a.invalidate('k');
    expect(await b.get('k', () => 2, { after: id })).toBe(2);
    const written = await b.set('k', 3);
    expect(await a.get('k', never, { after: written.id })).toBe(3);
  },
);

test('an invalidation reaches the local tiers of all processes', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  expect(await a.get('k', () => 'old')).toBe('old');
  expect(await b.get('k', never)).toBe('old');
  const { status, id } = await a.invalidate('k');
  expect(status).toBe('done');
  expect(await a.get('k', () => 'new')).toBe('new');
  await until(() => b.stats().cursor === id);
  expect(await b.get('k', never)).toBe('new');
});

test('a value that was set is there at once in the same process, and soon in the others', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  expect(await b.get('k', () => 'old')).toBe('old');
  const { id } = await a.set('k', 'new');
  expect(await a.get('k', never)).toBe('new');
  expect(await b.get('k', never, { after: id })).toBe('new');
});

test('invalidating tags removes what carries one of them, in all processes, and nothing else', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const tags = (p: { kind: string }) => [`kind:${p.kind}`];
  for (const cache of [a, b]) {
    await cache.get('1', () => ({ kind: 'shoe' }), { tags });
    await cache.get('2', () => ({ kind: 'hat' }), { tags });
    await cache.get('3', () => 'plain');
  }
  const { id = '' } = await a.invalidateTags(['kind:shoe']);
  for (const cache of [a, b]) {
    expect(await cache.get('2', never, { after: id })).toEqual({ kind: 'hat' });
    expect(await cache.get('3', never, { after: id })).toBe('plain');
  }
  expect(await a.get('1', () => ({ kind: 'boot' }), { tags })).toEqual({ kind: 'boot' });
  expect(await b.get('1', never)).toEqual({ kind: 'boot' });
});

test('a process that started after a tag was invalidated knows of it', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  await a.get('old', () => 1, { tags: ['t'] });
  await a.get('other', () => 1, { tags: ['u'] });
  await a.invalidateTags(['t']);
  const b = await rig.following(redisUrl);
  expect(await b.get('other', never)).toBe(1);
  expect(await b.get('old', () => 2, { tags: ['t'] })).toBe(2);
  expect(await b.get('old', never)).toBe(2);
});

test('clear removes everything of the namespace, and of no other', async () => {
  await using rig = new Rig();
  await using elsewhere = new Rig();
  const other = await elsewhere.following(redisUrl);
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  for (const cache of [a, b, other]) await cache.get('k', () => 1);
  const { id = '' } = await a.clear();
  expect(await b.get('k', () => 2, { after: id })).toBe(2);
  expect(await a.get('k', never)).toBe(2);
  expect(await other.get('k', never)).toBe(1);
  const late = await rig.following(redisUrl);
  expect(await late.get('k', never)).toBe(2);
});

test('a partition shares nothing with a namespace of a like name', async () => {
  await using rig = new Rig();
  const client = rig.client(redisUrl);
  const whole = rig.cache(client, { partitions: 2 });
  const alike = [0, 1].map((i) => rig.cache(client, { namespace: `${rig.namespace}:${i}` }));
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  for (const key of keys) await whole.set(key, 'mine');
  for (const cache of alike) {
    expect(await cache.getMany(keys, (some) => some.map(() => 'other'))).not.toContain('mine');
  }
});

test('neither tags nor clear look through the keys', async () => {
  await using server = await startRedis(); // it counts for all of its clients
  await using rig = new Rig();
  const client = rig.client(server.url);
  const a = await followed(rig.cache(client));
  for (let i = 0; i < 50; i++) await a.get(`k${i}`, () => i, { tags: ['t'] });
  await rig.stored(server.url, ...Array.from({ length: 50 }, (_, i) => `k${i}`));
  const calls = async () =>
    (await client.info('commandstats')).match(/cmdstat_(keys|scan|del|unlink):calls=\d+/g);
  const before = await calls();
  await a.invalidateTags(['t']);
  await a.clear();
  expect(await calls()).toEqual(before);
});

test('the time to live ends in every tier; the local one is shorter', async () => {
  await using rig = new Rig();
  const clock = new HandClock();
  const options = { clock, ...exact, local: { ttlMs: 60_000 } };
  const a = await rig.following(redisUrl, options);
  const load = counting();
  await a.get('k', load, { ttlMs: 300_000 });
  await rig.stored(redisUrl, 'k');
  clock.ms += 59_999;
  await a.get('k', never);
  const { near, master } = a.stats();
  clock.ms += 1;
  await a.get('k', never);
  expect(a.stats().near + a.stats().master).toBe(near + master + 1);
  clock.ms += 300_000 - 60_001;
  expect(await a.get('k', never)).toEqual({ n: 1 });
  clock.ms += 1;
  expect(await a.get('k', load)).toEqual({ n: 2 });
});

test('jitter only shortens the time to live', async () => {
  await using rig = new Rig();
  const clock = new HandClock();
  const a = await rig.following(redisUrl, { clock, random: () => 1, jitter: 0.1 });
  const load = counting();
  await a.get('k', load, { ttlMs: 10_000 });
  await rig.stored(redisUrl, 'k');
  clock.ms += 8_999;
  expect(await a.get('k', load)).toEqual({ n: 1 });
  clock.ms += 1;
  expect(await a.get('k', load)).toEqual({ n: 2 });
});

test('a signal ends the wait of its caller, not the load', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const stop = new AbortController();
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return 1;
  };
  const waiting = a.get('k', slow, { signal: stop.signal });
  const other = a.get('k', never);
  stop.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  expect(await other).toBe(1);
});

test('the local tier is bounded by entries and by bytes', async () => {
  await using rig = new Rig();
  const few = await rig.following(redisUrl, { local: { maxEntries: 5 } });
  const small = await rig.following(redisUrl, { local: { maxBytes: 20_000 } });
  for (let i = 0; i < 20; i++) {
    await few.get(`few${i}`, () => i);
    await small.get(`small${i}`, () => 'x'.repeat(5_000));
  }
  expect(few.stats().local.entries).toBe(5);
  expect(small.stats().local.entries).toBe(3);
  expect(small.stats().local.bytes).toBeLessThanOrEqual(20_000);
});

test('the statistics add up', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const keys = Array.from({ length: 200 }, (_, i) => `k${(i * 7) % 30}`);
  await Promise.all(keys.map((key) => a.get(key, () => key)));
  await Promise.all(keys.map((key) => b.get(key, () => key)));
  await Promise.all(keys.map((key) => b.get(key, () => key)));
  await expect(b.get('fails', never)).rejects.toThrow('The loader was called');
  const s = b.stats();
  expect(s.gets).toBe(403);
  expect(s.gets).toBe(s.hits + s.joined + s.flights);
  expect(s.flights).toBe(s.near + s.global + s.master + s.loads + s.stale + s.failed);
  expect(s.failed).toBe(1);
});

test('a listener that throws breaks nothing', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const told: string[] = [];
  a.on('refused', () => {
    throw new Error('listener');
  });
  const off = a.on('refused', ({ key }) => told.push(key));
  expect(await a.get('k', () => 1n)).toBe(1n);
  off();
  expect(await a.get('k', () => 1n)).toBe(1n);
  expect(told).toEqual(['k']);
});

test('the health check talks to master and near', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const { name, check } = a.healthCheck();
  expect(name).toBe(`tiered-cache:${rig.namespace}`);
  const health = await check(AbortSignal.timeout(1_000));
  expect(health.masterMs).toBeGreaterThan(0);
  expect(health.undelivered).toBe(0);
});

test('a closed cache rejects, ends its loads, and leaves no connection behind', async () => {
  await using rig = new Rig();
  const client = rig.client(redisUrl);
  const count = async () =>
    Number(/connected_clients:(\d+)/.exec(await client.info('clients'))?.[1]);
  const connections = async () =>
    ((await client.client('LIST')) as string)
      .split('\n')
      .filter((line) => line.includes('cmd=xread')).length;
  await count();
  const before = await connections();
  const cache = rig.cache(client);
  const loading = cache.get(
    'k',
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  await until(async () => (await connections()) === before + 1);
  const rejected = expect(loading).rejects.toThrow(CacheClosedError);
  await cache.close();
  await rejected;
  await cache.close();
  await expect(cache.get('k', never)).rejects.toThrow(CacheClosedError);
  await expect(cache.set('k', 1)).rejects.toThrow(CacheClosedError);
  await expect(cache.invalidate('k')).rejects.toThrow(CacheClosedError);
  await expect(cache.clear()).rejects.toThrow(CacheClosedError);
  await expect(cache.healthCheck().check(AbortSignal.timeout(100))).rejects.toThrow(
    CacheClosedError,
  );
  await until(async () => (await connections()) === before);
  expect(await client.get(`tc:{${rig.namespace}}:l:k`)).toBeNull();
});
