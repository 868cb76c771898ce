import { expect, test } from 'vitest';
import { EdgeCache, varnishPurge } from '../src/edge/index.ts';
import type { RedisLike, TieredCacheOptions } from '../src/index.ts';
import { TieredCache } from '../src/index.ts';

let duplicated = 0;
const client = {
  evalsha: async () => null,
  duplicate: () => {
    duplicated++;
  },
} as unknown as RedisLike;
const own = { ...client } as RedisLike;
const chain = (region: string) => ({
  master: client,
  global: client,
  regions: { us: client, eu: client },
  region,
});
const codec = { name: 'mine', encode: String, decode: String };
const make = (options: object) =>
  new TieredCache({ namespace: 'n', redis: client, ...options } as TieredCacheOptions);

test.each([
  [{ namespace: '' }, RangeError, 'Expected `namespace` to have 1 to 128 characters'],
  [{ namespace: 'a{b}' }, RangeError, 'Expected `namespace`'],
  [{ namespace: 7 }, TypeError, 'Expected `namespace` to be a string, got 7'],
  [{ redis: null }, TypeError, 'Expected `redis` to be a client'],
  [{ redis: {} }, TypeError, 'Expected `redis` to be a Redis client'],
  [{ redis: { master: client, near: null } }, TypeError, 'Expected `redis.near`'],
  [
    { redis: { master: client, global: client, regions: { us: client }, region: 'au' } },
    RangeError,
    'Expected `redis.region` to be one of us, got "au"',
  ],
  [
    { redis: chain('us'), residency: { region: 'eu', redis: own } },
    RangeError,
    'Expected `redis.region` to be eu, where the namespace resides, got "us"',
  ],
  [
    { redis: chain('eu'), residency: { region: 'eu', redis: client } },
    RangeError,
    'Expected `residency.redis` to be a Redis of the region alone',
  ],
  [
    { redis: client, residency: { region: 'eu', redis: own } },
    TypeError,
    'Expected `residency` to come with `redis.regions`',
  ],
  [{ partitions: 65 }, RangeError, 'Expected `partitions` to be an integer in [1, 64], got 65'],
  [{ negativeTtlMs: -1 }, RangeError, 'Expected `negativeTtlMs`'],
  [{ earlyRefresh: -1 }, RangeError, 'Expected `earlyRefresh` in [0, 100], got -1'],
  [{ codec: 'yaml' }, TypeError, 'Expected `codec` to be json, v8, or to have'],
  [{ codec: { ...codec, name: 'a b' } }, RangeError, 'Expected `codec.name` to have 1 to 32'],
  [{ codec: { ...codec, name: 'json' } }, RangeError, 'a name of its own'],
  [{ compression: { level: 10 } }, RangeError, 'Expected `compression.level`'],
  [{ version: 'a b' }, RangeError, 'Expected `version` to have 1 to 32'],
  [{ guard: {} }, TypeError, 'Expected `guard` to be a function'],
  [{ ttlMs: 0 }, RangeError, 'Expected `ttlMs` to be an integer in [1, '],
  [{ ttlMs: Number.NaN }, RangeError, 'Expected `ttlMs`'],
  [{ ttlMs: '5m' }, TypeError, 'Expected `ttlMs` to be a number, got "5m"'],
  [{ ttlMs: 1e12 }, RangeError, 'Expected `ttlMs`'],
  [{ jitter: 50 }, RangeError, 'Expected `jitter` in [0, 1], got 50'],
  [{ local: 5 }, TypeError, 'Expected `local` to be an object, got 5'],
  [{ compression: true }, TypeError, 'Expected `compression` to be an object, got true'],
  [{ local: { maxEntries: 0 } }, RangeError, 'Expected `local.maxEntries`'],
  [{ hardTimeoutMs: 2 ** 31 }, RangeError, 'Expected `hardTimeoutMs`'],
  [{ onPartition: 'panic' }, RangeError, 'Expected `onPartition` to be stale or bypass'],
  [{ clock: {} }, TypeError, 'Expected `clock` to have `now()`'],
  [{ random: 4 }, TypeError, 'Expected `random` to be a function'],
])('%j is refused by name, rule and value', (options, type, message) => {
  expect(() => make(options)).toThrow(type);
  expect(() => make(options)).toThrow(message);
});

test.each([
  [{ ttl: 5_000 }, /^Unknown option `ttl`, expected one of .*\bttlMs\b/],
  [
    { local: { maxSize: 5 } },
    'Unknown option `local.maxSize`, expected one of maxEntries, maxBytes, ttlMs',
  ],
  [{ compression: { min: 1 } }, 'Unknown option `compression.min`'],
  [{ redis: { master: client, near: client, region: 'us' } }, 'Unknown option `redis.region`'],
  [
    { redis: { ...chain('us'), globe: client } },
    /^Unknown option `redis.globe`, expected one of .*\bglobal\b/,
  ],
  [{ redis: chain('eu'), residency: { region: 'eu', client: own } }, '`residency.client`'],
  [{ onQuiet: true, logLength: 100 }, 'Unknown option `onQuiet`'],
])('%j has an option that nobody reads', (options, message) => {
  expect(() => make(options)).toThrow(TypeError);
  expect(() => make(options)).toThrow(message);
});

test('so has a call or a definition, before anything is sent', async () => {
  await using cache = new TieredCache({ namespace: 'n' });
  const load = () => 1;
  const unknown = { ttl: 5_000 } as object;
  const told = /^Unknown option `ttl`, expected one of .*\bttlMs\b/;
  await expect(cache.get('k', load, unknown)).rejects.toThrow(told);
  await expect(cache.getMany(['k'], () => [1], unknown)).rejects.toThrow(told);
  await expect(cache.set('k', 1, unknown)).rejects.toThrow(told);
  await expect(cache.writeThrough('k', load, unknown)).rejects.toThrow(told);
  const misspelt = { require: true } as object;
  for (const call of [
    cache.invalidate('k', misspelt),
    cache.expire('k', misspelt),
    cache.invalidateTags(['t'], misspelt),
    cache.clear(misspelt),
  ]) {
    await expect(call).rejects.toThrow('Unknown option `require`, expected one of');
  }
  for (const more of [unknown, { loadmany: load }, { TTLMS: 5 }, { negativeTllMs: 5 }]) {
    expect(() => cache.define({ key: String, load, ...more })).toThrow(
      'expected one of key, load,',
    );
  }
  expect(cache.stats()).toMatchObject({ loaderCalls: 0 });
});

test('the edge has no other options either', () => {
  const purge = async () => {};
  const edge = { vendor: 'fastly', purge, regionLag: 5 } as const;
  expect(() => new EdgeCache(edge)).toThrow(/^Unknown option `regionLag`, .*\bregionLagMs\b/);
  expect(() => varnishPurge([], { timeout: 5 } as object)).toThrow(
    'Unknown option `timeout`, expected one of',
  );
  expect(() => varnishPurge([], { timeoutMs: 0 })).toThrow('Expected `timeoutMs`');
});

test('the constructor opens no connection and leaves the options as they are', async () => {
  const options = Object.freeze({ namespace: 'n', redis: client, local: Object.freeze({}) });
  await using cache = new TieredCache(options);
  expect(duplicated).toBe(0);
  expect(cache.stats()).toMatchObject({ gets: 0, cursor: '0-0', confirmed: false });
});
