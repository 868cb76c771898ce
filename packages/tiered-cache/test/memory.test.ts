import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, onTestFinished, test } from 'vitest';
import { CacheClosedError, TieredCache, type TieredCacheOptions } from '../src/index.ts';
import { counting, gate, never } from './support/rig.ts';
import { settled, TestClock } from './support/test-clock.ts';

/** A cache without Redis whose time is moved by hand. */
function make(options: Partial<Omit<TieredCacheOptions, 'redis'>> = {}) {
  const clock = new TestClock();
  const cache = new TieredCache({ namespace: 'memory', clock, jitter: 0, ...options });
  onTestFinished(() => cache.close());
  return { cache, clock };
}

test('without Redis: one load for all callers, kept until it is invalidated', async () => {
  const { cache } = make();
  const load = counting();
  const values = await Promise.all(Array.from({ length: 100 }, () => cache.get('k', load)));
  expect(new Set(values.map(({ n }) => n))).toEqual(new Set([1]));
  const { status, id = '' } = await cache.invalidate('k');
  expect(status).toBe('done');
  expect(await cache.get('k', load, { after: id })).toEqual({ n: 2 });
  expect(cache.stats()).toMatchObject({ loaderCalls: 2, confirmed: true, undelivered: 0 });
  expect(await cache.healthCheck().check(AbortSignal.timeout(100))).toEqual({
    masterMs: 0,
    nearMs: 0,
    undelivered: 0,
  });
});

test('without Redis: set, tags and clear', async () => {
  const { cache } = make();
  await cache.set('a', 1, { tags: ['t'] });
  await cache.set('b', 2);
  expect(await cache.get('a', never)).toBe(1);
  await cache.invalidateTags(['t']);
  expect(await cache.get('a', () => 3)).toBe(3);
  expect(await cache.get('b', never)).toBe(2);
  await cache.clear();
  expect(await cache.get('b', () => 4)).toBe(4);
});

test('without Redis: what is loaded while the key is invalidated is not kept', async () => {
  const { cache } = make();
  const row = gate<string>();
  const reading = cache.get('k', () => row.opened);
  await cache.invalidate('k');
  row.open('old');
  expect(await reading).toBe('old');
  expect(await cache.get('k', () => 'new')).toBe('new');
});

test('soft time-out: the stale value is served exactly then, the new one when it comes', async () => {
  const { cache, clock } = make({ softTimeoutMs: 500 });
  await cache.get('k', () => 'old', { ttlMs: 1_000 });
  await clock.advance(1_000);
  const row = gate<string>();
  const reading = cache.get('k', () => row.opened);
  let answer: string | undefined;
  void reading.then((value) => {
    answer = value;
  });
  await clock.advance(499);
  expect(answer).toBeUndefined();
  await clock.advance(1);
  expect(answer).toBe('old');
  row.open('new');
  await settled();
  expect(await cache.get('k', never)).toBe('new');
  expect(clock.pending).toBe(0);
});

test('hard time-out: the loader is aborted exactly then', async () => {
  const { cache, clock } = make({ hardTimeoutMs: 10_000 });
  let aborted = false;
  const reading = cache.get('k', ({ signal }) => {
    signal.addEventListener('abort', () => {
      aborted = true;
    });
    return new Promise(() => {});
  });
  const rejected = expect(reading).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER_TIMEOUT' });
  await clock.advance(9_999);
  expect(aborted).toBe(false);
  await clock.advance(1);
  expect(aborted).toBe(true);
  await rejected;
});

test('grace: a failing loader is given rest for the back-off, counted from now', async () => {
  const { cache, clock } = make({ graceMs: 600_000, backoffMs: 5_000 });
  await cache.get('k', () => 'old', { ttlMs: 1_000 });
  await clock.advance(400_000);
  let calls = 0;
  const fail = () => {
    calls++;
    throw new Error('down');
  };
  expect(await cache.get('k', fail)).toBe('old');
  await clock.advance(4_999);
  expect(await cache.get('k', fail)).toBe('old');
  expect(calls).toBe(1);
  await clock.advance(1);
  expect(await cache.get('k', fail)).toBe('old');
  expect(calls).toBe(2);
  await clock.advance(200_000);
  await expect(cache.get('k', fail)).rejects.toThrow('down');
});

test('negative caching: that there is nothing is remembered for its own time, without grace', async () => {
  const { cache, clock } = make({ negativeTtlMs: 2_000 });
  expect(await cache.get('k', () => undefined)).toBeUndefined();
  await clock.advance(1_999);
  expect(await cache.get('k', never)).toBeUndefined();
  await clock.advance(1);
  await expect(cache.get('k', never)).rejects.toThrow('The loader was called');
  expect(await cache.get<number | undefined>('k', () => 1)).toBe(1);
  expect(await cache.get<unknown>('other', () => undefined, { negativeTtlMs: 0 })).toBeUndefined();
  expect(await cache.get('other', () => 2)).toBe(2);
});

test('early refresh: a value whose load is slow is loaded anew before it expires, and served meanwhile', async () => {
  const { cache, clock } = make({ random: () => Math.exp(-2) }); // XFetch: two loads early
  const slow = async () => {
    await clock.advance(1_000); // the load takes a second
    return 'first';
  };
  expect(await cache.get('k', slow, { ttlMs: 10_000 })).toBe('first');
  await clock.advance(7_998);
  expect(await cache.get('k', never)).toBe('first');
  await clock.advance(2);
  const row = gate<string>();
  const load = counting();
  const second = () => {
    load();
    return row.opened;
  };
  expect(await cache.get('k', second)).toBe('first');
  expect(await cache.get('k', second)).toBe('first'); // still under way, still fresh
  row.open('second');
  await settled();
  expect(await cache.get('k', never)).toBe('second');
  expect(load.calls).toBe(1);
  const { gets, hits, joined, flights } = cache.stats();
  expect(gets).toBe(hits + joined + flights);
  expect(flights).toBe(1);
});

test('early refresh that fails: the value is served until its time, the loader rests', async () => {
  const { cache, clock } = make({ random: () => Math.exp(-5), backoffMs: 1_500 });
  const slow = async () => {
    await clock.advance(1_000);
    return 'first';
  };
  await cache.get('k', slow, { ttlMs: 10_000 });
  await clock.advance(5_000);
  let calls = 0;
  const fail = () => {
    calls++;
    throw new Error('down');
  };
  for (let ms = 0; ms < 4_500; ms += 500) {
    expect(await cache.get('k', fail)).toBe('first');
    await clock.advance(500);
  }
  expect(calls).toBe(3);
});

test('with early refresh off a value lives to its end', async () => {
  const { cache, clock } = make({ random: () => 1e-9, earlyRefresh: 0 });
  const slow = async () => {
    await clock.advance(1_000);
    return 1;
  };
  await cache.get('k', slow, { ttlMs: 10_000 });
  await clock.advance(9_999);
  expect(await cache.get('k', never)).toBe(1);
  expect(cache.stats().loaderCalls).toBe(1);
});

test('expire: the value may stand in, but is loaded anew', async () => {
  const { cache } = make();
  await cache.set('k', 'old');
  await cache.expire('k');
  await expect(cache.get('k', never)).resolves.toBe('old'); // the loader fails
  await cache.set('k', 'old');
  await cache.expire('k');
  expect(await cache.get<string>('k', ({ stale }) => `${stale}, again`)).toBe('old, again');
});

test('conditional refresh: to return the stale value renews it', async () => {
  const { cache, clock } = make();
  const first = await cache.get('k', () => ({ etag: 'a' }), { ttlMs: 1_000 });
  await clock.advance(1_000);
  const same = await cache.get('k', ({ stale }) => stale ?? { etag: 'b' }, { ttlMs: 1_000 });
  expect(same).toEqual(first);
  await clock.advance(999);
  expect(await cache.get('k', never)).toEqual(first);
});

test('partitions: every key finds its own, and a token knows which', async () => {
  const { cache } = make({ partitions: 8 });
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
  for (const key of keys) await cache.set(key, key);
  for (const key of keys) expect(await cache.get(key, never)).toBe(key);
  const { id = '' } = await cache.invalidate('k7');
  expect(id).toMatch(/^\d+-\d+@\d$/);
  expect(await cache.get('k7', () => 'new', { after: id })).toBe('new');
  expect(await cache.get('k8', never, { after: id })).toBe('k8');
  const all = await cache.clear();
  expect(all.id?.split(',')).toHaveLength(8);
  expect(await cache.get('k8', () => 'new', { after: all.id ?? '' })).toBe('new');
  for (const after of ['1-0', '1-0@8', 'x', '1-0@']) {
    await expect(cache.get('k', never, { after })).rejects.toThrow(TypeError);
  }
  expect(cache.stats()).toMatchObject({ gets: 103, hits: 101 });
});

test('events are published on diagnostics channels when somebody listens', async () => {
  const { cache } = make();
  const seen: unknown[] = [];
  const listener = (message: unknown) => void seen.push(message);
  subscribe('evenkeel:tiered-cache:loaded', listener);
  onTestFinished(() => void unsubscribe('evenkeel:tiered-cache:loaded', listener));
  await cache.get('k', () => 1);
  expect(seen).toEqual([{ namespace: 'memory', key: 'k', ms: 0 }]);
});

test('a closed cache rejects everything', async () => {
  const { cache } = make();
  const waiting = cache.get('k', () => new Promise(() => {}));
  const rejected = expect(waiting).rejects.toThrow(CacheClosedError);
  await cache.close();
  await rejected;
  await expect(cache.getMany(['k'], never)).rejects.toThrow(CacheClosedError);
  await expect(cache.writeThrough('k', never)).rejects.toThrow(CacheClosedError);
  await expect(cache.expire('k')).rejects.toThrow(CacheClosedError);
});
