import { expect, test } from 'vitest';
import { backends, startRedis } from '../../../test/backends.ts';
import type { Guard } from '../src/index.ts';
import { gate, HandClock, never, Rig, until } from './support/rig.ts';

const { redisUrl } = backends();

test('write-through: who reads meanwhile waits, and gets what was written', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  await b.get('k', () => 'old');
  const written = gate<string>();
  const begun = gate();
  const writing = a.writeThrough('k', () => {
    begun.open();
    return written.opened;
  });
  await begun.opened;
  const client = rig.client(redisUrl);
  await until(async () => {
    const [last] = await client.xrevrange(`tc:{${rig.namespace}}:log`, '+', '-', 'COUNT', 1);
    return b.stats().cursor === last?.[0];
  });
  const reading = b.get('k', never);
  written.open('new');
  const { value, status, id = '' } = await writing;
  expect({ value, status }).toEqual({ value: 'new', status: 'done' });
  expect(await reading).toBe('new');
  expect(await a.get('k', never)).toBe('new');
  expect(await b.get('k', never, { after: id })).toBe('new');
});

test('write-through: of two at once nobody knows which came last, so the value is loaded', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const [first, second] = [gate<string>(), gate<string>()];
  const writes = [
    a.writeThrough('k', () => first.opened),
    b.writeThrough('k', () => second.opened),
  ];
  await until(async () => {
    const client = rig.client(redisUrl);
    return (await client.xlen(`tc:{${rig.namespace}}:log`)) >= 3;
  });
  second.open('b');
  await writes[1];
  first.open('a');
  const results = await Promise.all(writes);
  expect(results.map(({ value }) => value)).toEqual(['a', 'b']);
  for (const cache of [a, b]) {
    expect(await cache.get('k', () => 'source', { after: results[0]?.id ?? '' })).toBe('source');
  }
});

test('write-through that fails: the key is invalidated, for it may have been written', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  await a.get('k', () => 'old');
  await expect(a.writeThrough('k', () => Promise.reject(new Error('time-out')))).rejects.toThrow(
    'time-out',
  );
  expect(await a.get('k', () => 'source')).toBe('source');
});

test('write-through with the master dead: the source is written, the invalidation queued', async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  const a = await rig.following(server.url, { masterTimeoutMs: 200 });
  server.pause();
  expect(await a.writeThrough('k', () => 'written')).toEqual({
    value: 'written',
    status: 'queued',
    id: undefined,
  });
  server.resume();
  await until(() => a.stats().undelivered === 0);
});

test('expire: in every process the value may stand in, but is loaded anew', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  for (const cache of [a, b]) await cache.get('k', () => 'old');
  await rig.stored(redisUrl, 'k');
  const { id = '' } = await a.expire('k');
  expect(await b.get('k', never, { after: id })).toBe('old'); // the loader fails
  const c = await rig.following(redisUrl);
  expect(await c.get<string>('k', ({ stale }) => `${stale}, again`)).toBe('old, again');
});

test('expire during a load: what was loaded is not kept', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const row = gate<string>();
  const reading = a.get('k', () => row.opened);
  await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
  const { id = '' } = await b.expire('k');
  row.open('old');
  expect(await reading).toBe('old');
  expect(await a.get('k', () => 'new', { after: id })).toBe('new');
});

test('negative caching is shared by the processes, and ends with an invalidation', async () => {
  await using rig = new Rig();
  const clock = new HandClock();
  const options = { clock, jitter: 0, negativeTtlMs: 2_000 };
  const a = await rig.following(redisUrl, options);
  const b = await rig.following(redisUrl, options);
  expect(await a.get('k', () => undefined)).toBeUndefined();
  await rig.stored(redisUrl, 'k');
  expect(await b.get<unknown>('k', never)).toBeUndefined();
  const { id = '' } = await a.invalidate('k');
  expect(await b.get('k', () => 1, { after: id })).toBe(1);
  await a.get('other', () => undefined);
  await rig.stored(redisUrl, 'other');
  clock.ms += 2_000;
  expect(await b.get('other', () => 2)).toBe(2);
});

/** Two processes that have `first` as `k`, so late in its time that the next read of either loads it anew. */
async function dueForRefresh(rig: Rig) {
  const clock = new HandClock();
  const early = { clock, jitter: 0, random: () => Math.exp(-2) };
  const a = await rig.following(redisUrl, early);
  const b = await rig.following(redisUrl, early);
  const slow = () => {
    clock.ms += 500; // the load takes half a second
    return 'first';
  };
  await a.get('k', slow, { ttlMs: 4_000 });
  await rig.stored(redisUrl, 'k');
  expect(await b.get('k', never)).toBe('first');
  clock.ms += 3_200;
  return { clock, early, a, b };
}

test('early refresh: of all processes one loads, the others serve what they have', async () => {
  await using rig = new Rig();
  const { clock, early, a, b } = await dueForRefresh(rig);
  const row = gate<string>();
  let loads = 0;
  const refresh = () => {
    loads++;
    return row.opened;
  };
  expect(await a.get('k', refresh)).toBe('first');
  await until(() => loads === 1);
  const c = await rig.following(redisUrl, early);
  for (const cache of [b, c]) expect(await cache.get('k', refresh)).toBe('first');
  row.open('second');
  await until(async () => (await a.get('k', never)) === 'second');
  clock.ms += 1_000;
  for (const cache of [b, c]) await until(async () => (await cache.get('k', refresh)) === 'second');
  expect(loads).toBe(1);
});

test('early refresh: who comes after another has loaded takes that, and loads nothing', async () => {
  await using rig = new Rig();
  const { a, b } = await dueForRefresh(rig);
  expect(await a.get('k', () => 'second')).toBe('first');
  const redis = rig.client(redisUrl);
  const entry = () => redis.get(`tc:{${rig.namespace}}:e:k`);
  await until(async () => (await entry())?.includes('second') === true);
  let loads = 0;
  const again = () => {
    loads++;
    return 'third';
  };
  expect(await b.get('k', again)).toBe('first');
  await until(async () => (await b.get('k', again)) !== 'first');
  expect([await b.get('k', again), loads]).toEqual(['second', 0]);
});

test('a source that lags: what is loaded right after a change lives for so long only', async () => {
  await using rig = new Rig();
  const clock = new HandClock();
  const options = { clock, jitter: 0, sourceLagMs: 2_000 };
  const a = await rig.following(redisUrl, options);
  const b = await rig.following(redisUrl, options);
  await a.get('k', () => 'old', { tags: ['t'] });
  for (const change of [() => a.invalidate('k'), () => a.invalidateTags(['t'])]) {
    const { id = '' } = await change();
    expect(await b.get('k', () => 'lagging', { tags: ['t'], after: id })).toBe('lagging');
    clock.ms += 2_000;
    await until(async () => (await b.get('k', () => 'new', { tags: ['t'] })) === 'new');
  }
  await a.get('calm', () => 'kept');
  clock.ms += 3_000;
  expect(await a.get('calm', never)).toBe('kept');
});

/** Every call of Redis goes through `guard`, which lets it pass, refuses it, or keeps its reply back until `release()`. */
function tappedLine() {
  const held = gate();
  const line = {
    mode: 'pass' as 'pass' | 'hold' | 'refuse',
    release: held.open,
    guard: (async (call) => {
      const { mode } = line;
      if (mode === 'refuse') throw new Error('refused');
      const reply = await call();
      if (mode === 'hold') await held.opened;
      return reply;
    }) as Guard,
  };
  return line;
}

test('an invalidation that was queued while an earlier one was on its way is not dropped with that', async () => {
  await using rig = new Rig();
  const line = tappedLine();
  const a = await rig.following(redisUrl, { guard: line.guard, masterTimeoutMs: 20_000 });
  const b = await rig.following(redisUrl);
  let row = 1;
  await b.get('k', () => row);
  line.mode = 'hold';
  const first = a.invalidate('k'); // the master does it; the reply is late
  row = 2;
  await until(async () => (await b.get('k', () => row)) === 2);
  row = 3;
  line.mode = 'refuse';
  expect(await a.invalidate('k')).toEqual({ status: 'queued', id: undefined });
  line.release();
  expect(await first).toMatchObject({ status: 'done' });
  expect(a.stats().undelivered).toBe(1);
  line.mode = 'pass';
  await until(async () => (await b.get('k', () => row)) === 3);
  await until(() => a.stats().undelivered === 0);
});

test('a read that begins while a change waits takes no old answer, though that is judged after the delivery', async () => {
  await using rig = new Rig();
  const line = tappedLine();
  const client = rig.client(redisUrl);
  const a = await rig.following(redisUrl, {
    guard: line.guard,
    nearTimeoutMs: 20_000,
    masterTimeoutMs: 20_000,
  });
  let row = 1;
  await a.get('k', () => row);
  await rig.stored(redisUrl, 'k');
  row = 2;
  line.mode = 'refuse';
  expect(await a.invalidate('k')).toEqual({ status: 'queued', id: undefined });
  line.mode = 'hold';
  const reading = a.get('k', () => row);
  await new Promise((resolve) => setTimeout(resolve, 20)); // the question is on its way, if there is one
  line.mode = 'pass';
  await until(() => a.stats().undelivered === 0);
  const [last] = await client.xrevrange(`tc:{${rig.namespace}}:log`, '+', '-', 'COUNT', 1);
  await until(() => a.stats().cursor === last?.[0]);
  line.release();
  expect(await reading).toBe(2);
});

test('a guard that refuses counts as a dead Redis: reads go on, invalidations are queued', async () => {
  await using rig = new Rig();
  let open = false;
  let calls = 0;
  const guard = async <T>(call: () => Promise<T>): Promise<T> => {
    calls++;
    if (open) throw new Error('circuit open');
    return await call();
  };
  const a = await rig.following(redisUrl, { guard });
  await a.get('k', () => 1);
  expect(calls).toBeGreaterThan(0);
  open = true;
  expect(await a.get('cold', () => 2)).toBe(2);
  expect(await a.invalidate('k')).toMatchObject({ status: 'queued' });
  open = false;
  await until(() => a.stats().undelivered === 0);
  expect(await a.get('k', () => 3)).toBe(3);
});
