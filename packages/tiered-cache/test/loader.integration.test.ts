import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { backends } from '../../../test/backends.ts';
import { type Loader, LoaderTimeoutError, type TieredCacheOptions } from '../src/index.ts';
import { gate, HandClock, never, Rig, sleep, until } from './support/rig.ts';

const { redisUrl } = backends();

/** A cache that has a value of `k` whose time is over. */
async function expired(rig: Rig, options: Partial<TieredCacheOptions> = {}) {
  const clock = new HandClock();
  const cache = await rig.following(redisUrl, { clock, jitter: 0, ...options });
  const reasons: string[] = [];
  cache.on('stale', ({ reason }) => reasons.push(reason));
  await cache.get('k', () => 'old', { ttlMs: 1_000 });
  await rig.stored(redisUrl, 'k');
  clock.ms += 1_000;
  return { cache, clock, reasons };
}

test('a loader that fails: the stale value stands in, and the loader has rest for the back-off', async () => {
  await using rig = new Rig();
  const { cache, clock, reasons } = await expired(rig, { backoffMs: 5_000 });
  let calls = 0;
  const fail = () => {
    calls++;
    throw new Error('database down');
  };
  for (let i = 0; i < 10; i++) expect(await cache.get('k', fail)).toBe('old');
  expect(calls).toBe(1);
  expect(reasons).toEqual(['failed']);
  clock.ms += 5_000;
  expect(await cache.get('k', fail)).toBe('old');
  expect(calls).toBe(2);
  clock.ms += 5_000;
  expect(await cache.get('k', () => 'new')).toBe('new');
});

test('after the grace nothing stands in', async () => {
  await using rig = new Rig();
  const { cache, clock } = await expired(rig, { graceMs: 2_000 });
  clock.ms += 1_999;
  expect(await cache.get('k', never)).toBe('old');
  clock.ms += 5_000;
  await expect(cache.get('k', never)).rejects.toThrow('The loader was called');
});

test('an invalidated value never stands in', async () => {
  await using rig = new Rig();
  const { cache } = await expired(rig);
  await cache.invalidate('k');
  await expect(cache.get('k', never)).rejects.toThrow('The loader was called');
});

test('a slow loader: the stale value is served after the soft time-out, the new one when it comes', async () => {
  await using rig = new Rig();
  const { cache, reasons } = await expired(rig, { softTimeoutMs: 50 });
  const row = gate<string>();
  const start = performance.now();
  expect(await cache.get('k', () => row.opened)).toBe('old');
  expect(performance.now() - start).toBeGreaterThan(40);
  expect(await cache.get('k', never)).toBe('old'); // joins, and need not wait again
  row.open('new');
  await until(async () => (await cache.get('k', never)) === 'new');
  expect(reasons).toEqual(['slow']);
});

test('without a soft time-out the stale value is served at once while it is loaded anew', async () => {
  await using rig = new Rig();
  const { cache } = await expired(rig, { softTimeoutMs: 0 });
  const row = gate<string>();
  expect(await cache.get('k', () => row.opened)).toBe('old');
  row.open('new');
  await until(async () => (await cache.get('k', never)) === 'new');
});

test('without a stale value the soft time-out means nothing', async () => {
  await using rig = new Rig();
  const cache = await rig.following(redisUrl, { softTimeoutMs: 10 });
  const slow = async () => {
    await sleep(60);
    return 'loaded';
  };
  expect(await cache.get('k', slow)).toBe('loaded');
});

test('the hard time-out aborts the loader, and its late result goes nowhere', async () => {
  await using rig = new Rig();
  const cache = await rig.following(redisUrl, { hardTimeoutMs: 50 });
  const row = gate<string>();
  let aborted: unknown;
  const reading = cache.get('k', ({ signal }) => {
    signal.addEventListener('abort', () => {
      aborted = signal.reason;
    });
    return row.opened;
  });
  await expect(reading).rejects.toMatchObject({
    code: 'ERR_CACHE_LOADER_TIMEOUT',
    key: 'k',
    timeoutMs: 50,
  });
  await expect(reading).rejects.toThrow(LoaderTimeoutError);
  expect(aborted).toBeInstanceOf(LoaderTimeoutError);
  row.open('late');
  expect(await cache.get('k', () => 'next')).toBe('next');
});

test('the loader is given the stale value', async () => {
  await using rig = new Rig();
  const { cache } = await expired(rig);
  expect(await cache.get<string>('k', ({ stale }) => `${stale} and checked`)).toBe(
    'old and checked',
  );
  expect(await cache.get<unknown>('fresh', ({ stale }) => stale === undefined)).toBe(true);
});

interface Page {
  etag: string;
  text: string;
}

test('conditional refresh by ETag, under the real clock: 304 renews the value in every process, a change replaces it', async () => {
  await using rig = new Rig();
  let text = 'first';
  const answers = { 200: 0, 304: 0 };
  const origin = createServer((request, response) => {
    const etag = `"${text}"`;
    const status = request.headers['if-none-match'] === etag ? 304 : 200;
    answers[status]++;
    response.writeHead(status, { etag }).end(status === 200 ? text : undefined);
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  const load: Loader<Page> = async ({ signal, stale }) => {
    const headers: Record<string, string> = stale ? { 'if-none-match': stale.etag } : {};
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers, signal });
    if (stale && response.status === 304) return stale;
    return { etag: response.headers.get('etag') ?? '', text: await response.text() };
  };
  try {
    const options = { ttlMs: 400, earlyRefresh: 0 };
    const a = await rig.following(redisUrl, options);
    const b = await rig.following(redisUrl, options);
    expect(await a.get('page', load)).toMatchObject({ text: 'first' });
    for (let renewed = 1; renewed <= 3; renewed++) {
      await until(async () => {
        expect(await b.get('page', load)).toMatchObject({ text: 'first' });
        expect(await a.get('page', load)).toMatchObject({ text: 'first' });
        return answers[304] >= renewed;
      });
    }
    expect(answers[200]).toBe(1); // the body came once
    text = 'second';
    await until(async () => (await a.get('page', load)).text === 'second');
    await until(async () => (await b.get('page', load)).text === 'second');
    expect(answers[200]).toBe(2);
  } finally {
    origin.close();
    origin.closeAllConnections();
  }
});

test('while another process loads, the stale value is served without waiting', async () => {
  await using rig = new Rig();
  const { cache, clock, reasons } = await expired(rig);
  const other = await rig.following(redisUrl, { clock, jitter: 0, softTimeoutMs: 60_000 });
  const row = gate<string>();
  const loading = other.get('k', () => row.opened);
  await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
  expect(await cache.get('k', never)).toBe('old');
  expect(reasons).toEqual(['busy']);
  row.open('new');
  expect(await loading).toBe('new');
  clock.ms += 250;
  await until(async () => (await cache.get('k', never)) === 'new');
});
