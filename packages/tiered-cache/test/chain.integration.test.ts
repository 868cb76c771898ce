import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TieredCache, TieredCacheOptions } from '../src/index.ts';
import { Chain } from './support/chain.ts';
import { followed, never, Rig, sleep, until } from './support/rig.ts';

const HOP_MS = 75;
let chain: Chain;
beforeAll(async () => {
  chain = await Chain.start(HOP_MS);
});
afterAll(() => chain?.[Symbol.asyncDispose]());

/** A cache in the region at the end of the chain. */
function regional(rig: Rig, options: Partial<TieredCacheOptions> = {}): Promise<TieredCache> {
  const redis = {
    master: rig.client(chain.master.url),
    global: rig.client(chain.global.url),
    regions: { au: rig.client(chain.regional.url) },
    region: 'au',
  };
  return followed(rig.cache(redis, options));
}

/** A cache beside the master. */
const central = (rig: Rig) => rig.following(chain.master.url);

test('a region hears of a change when its replica has it: never stuck on the old value', async () => {
  await using rig = new Rig();
  const writer = await central(rig);
  const reader = await regional(rig);
  const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
  for (const key of keys) {
    await writer.set(key, 'old');
    await reader.get(key, never, { after: writer.stats().cursor });
  }
  const { id } = await writer.set('last', 1);
  expect(await reader.get('last', never, { after: id })).toBe(1);
  await until(() => reader.stats().cursor >= id);
  let seen = '';
  for (const key of keys) {
    expect(await reader.get(key, never)).toBe('old');
    seen = (await writer.set(key, 'new')).id;
    void reader.get(key, never); // reads while the change is on its way
  }
  await until(() => reader.stats().cursor >= seen);
  for (const key of keys) expect(await reader.get(key, never)).toBe('new');
});

test('a process sees its own writes at once, from the master, until they come back', async () => {
  await using rig = new Rig();
  const reader = await regional(rig);
  await reader.get('k', () => 'old');
  await reader.invalidate('k');
  expect(reader.stats().fenced).toBe(1);
  expect(await reader.get('k', () => 'new')).toBe('new');
  const { master } = reader.stats();
  const { id } = await reader.set('other', 1);
  await reader.invalidate('other');
  expect(await reader.get('other', () => 2)).toBe(2);
  await until(() => reader.stats().fenced === 0);
  expect(reader.stats().cursor >= id).toBe(true);
  expect(reader.stats().master).toBe(master);
  expect(await reader.get('k', never)).toBe('new');
});

test('with the id of a write any process sees it, however far its replica lags', async () => {
  await using rig = new Rig();
  const writer = await central(rig);
  const reader = await regional(rig);
  await writer.set('k', 0);
  for (let version = 1; version <= 10; version++) {
    const { id } = await writer.set('k', version);
    expect(await reader.get('k', never, { after: id })).toBe(version);
  }
  const { id = '' } = await writer.invalidate('k');
  expect(await reader.get('k', () => 'loaded', { after: id })).toBe('loaded');
});

test('changes made while the region was cut off are caught up, and the rest of the local tier is kept', async () => {
  await using rig = new Rig();
  const writer = await central(rig);
  const reader = await regional(rig);
  const gaps: unknown[] = [];
  reader.on('gap', (gap) => gaps.push(gap));
  for (const key of ['changed', 'kept']) await reader.get(key, () => 'old');
  chain.toRegional.cut();
  const { id } = await writer.set('changed', 'new');
  await sleep(500);
  chain.toRegional.heal();
  await until(() => reader.stats().cursor >= id);
  const { near, master } = reader.stats();
  expect(await reader.get('kept', never)).toBe('old');
  expect(reader.stats()).toMatchObject({ near, master });
  expect(await reader.get('changed', never)).toBe('new');
  expect(gaps).toEqual([]);
});

test('a region cut off half-open is noticed: reads go past it, and come back when it has caught up', async () => {
  await using rig = new Rig();
  const writer = await central(rig);
  const options = { unconfirmedAfterMs: 1_800, serveUnconfirmedMs: 500 };
  const reader = await regional(rig, options);
  const told: string[] = [];
  reader.on('degraded', () => told.push('degraded'));
  reader.on('recovered', () => told.push('recovered'));
  await reader.get('k', () => 'old');
  chain.toRegional.stall();
  try {
    await writer.set('k', 'new');
    expect(await reader.get('k', never)).toBe('old'); // nobody can know yet
    await until(() => told.length > 0);
    expect(await reader.get('k', never)).toBe('new');
    expect(reader.stats().global).toBeGreaterThan(0);
    // a read that global may answer with the old value is not joined by one that knows better
    for (let version = 0; version < 5; version++) {
      const { id } = await writer.set('k', version);
      expect(await reader.get('k', never, { after: id })).toBe(version);
      void reader.get('k', never);
      expect(await reader.get('k', never, { after: id })).toBe(version);
    }
    await expect(reader.healthCheck().check(AbortSignal.timeout(2_000))).rejects.toThrow(
      'no change was heard',
    );
    await sleep(500);
  } finally {
    chain.toRegional.heal();
  }
  const { id } = await writer.set('k', 'newer');
  await until(() => told.length > 1);
  expect(told).toEqual(['degraded', 'recovered']);
  await until(() => reader.stats().cursor >= id);
  expect(await reader.get('k', never)).toBe('newer');
  await reader.healthCheck().check(AbortSignal.timeout(2_000));
});

test('with near dead reads go to global, and with that dead too to the master', async () => {
  await using rig = new Rig();
  const writer = await central(rig);
  const redis = {
    master: rig.client(chain.master.url),
    global: rig.client(chain.global.url),
    regions: { au: rig.client('redis://127.0.0.1:1') },
    region: 'au',
  };
  const { id } = await writer.set('k', 1);
  const lagging = await followed(rig.cache({ master: redis.master, near: redis.global }));
  expect(await lagging.get('k', never, { after: id })).toBe(1);
  await until(() => lagging.stats().cursor >= id);
  const reader = rig.cache(redis);
  const down: string[] = [];
  reader.on('tierDown', ({ tier }) => down.push(tier));
  expect(await reader.get('k', never)).toBe(1);
  expect(reader.stats()).toMatchObject({ near: 0, global: 1, master: 0 });
  expect(down).toEqual(['near']);
  const noGlobal = rig.cache(
    { ...redis, global: rig.client('redis://127.0.0.1:1') },
    { masterTimeoutMs: 300 },
  );
  expect(await noGlobal.get('k', never)).toBe(1);
  expect(noGlobal.stats()).toMatchObject({ near: 0, global: 0, master: 1 });
});

test('a fast region asks its replica, not the master', async () => {
  await using rig = new Rig();
  const writer = await central(rig);
  const reader = await regional(rig);
  const keys = Array.from({ length: 20 }, (_, i) => `near${i}`);
  let id = '';
  for (const key of keys) id = (await writer.set(key, key)).id;
  await until(() => reader.stats().cursor >= id);
  for (const key of keys) expect(await reader.get(key, never)).toBe(key);
  expect(reader.stats()).toMatchObject({ near: 20, master: 0 });
});

test('with the master and global dead for long, reads of near go on; with bypass the loader is asked', async () => {
  await using rig = new Rig();
  const writer = await central(rig);
  const keys = Array.from({ length: 20 }, (_, i) => `dead${i}`);
  let id = '';
  for (const key of keys) id = (await writer.set(key, 'near')).id;
  const limits = { unconfirmedAfterMs: 1_500, serveUnconfirmedMs: 100, masterTimeoutMs: 300 };
  const stale = await regional(rig, limits);
  const bypass = await regional(rig, { ...limits, onPartition: 'bypass' });
  await until(() => [stale, bypass].every((cache) => cache.stats().cursor >= id));
  const degraded = [stale, bypass].map(
    (cache) => new Promise((resolve) => cache.on('degraded', resolve)),
  );
  await Promise.all([chain.master.kill(), chain.global.kill()]);
  await Promise.all(degraded);
  for (const cache of [stale, bypass]) await cache.get('first', () => 1); // finds both dead
  for (const key of keys.slice(1)) {
    expect(await stale.get(key, never)).toBe('near');
    expect(await bypass.get(key, () => 'loaded')).toBe('loaded');
  }
  expect(stale.stats()).toMatchObject({ near: 19 });
  // what this process changed is not read from there
  expect(await stale.invalidate('dead0')).toMatchObject({ status: 'queued' });
  expect(await stale.get('dead0', () => 'new')).toBe('new');
});
