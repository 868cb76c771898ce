import { afterEach, beforeEach, expect, test } from 'vitest';
import { type NativeServer, startRedis } from '../../../test/backends.ts';
import { MasterUnavailableError } from '../src/index.ts';
import { counting, followed, never, Rig, sleep, until } from './support/rig.ts';

let server: NativeServer;
beforeEach(async () => {
  server = await startRedis();
});
afterEach(() => server.stop());

test('one load for 1,000 callers also without Redis', async () => {
  await using rig = new Rig();
  const a = await rig.following(server.url);
  await server.kill();
  await a.get('warm', () => 1);
  let calls = 0;
  const slow = async () => {
    calls++;
    await sleep(20);
    return calls;
  };
  const values = await Promise.all(Array.from({ length: 1_000 }, () => a.get('k', slow)));
  expect(calls).toBe(1);
  expect(new Set(values)).toEqual(new Set([1]));
});

test('an invalidation with the master down is queued, holds here at once, and reaches the others when it is back', async () => {
  await using elsewhere = new Rig();
  await using rig = new Rig();
  await server.stop();
  server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const a = await rig.following(server.url);
  const b = elsewhere.cache(elsewhere.client(server.url), { namespace: rig.namespace });
  await followed(b);
  const tags = ['t'];
  for (const cache of [a, b]) {
    for (const key of ['k', 'kept']) await cache.get(key, () => 'old');
    await cache.get('tagged', () => 'old', { tags });
  }
  const delivered: number[] = [];
  a.on('delivered', ({ count }) => delivered.push(count));
  await server.kill();
  expect(await a.invalidate('k')).toEqual({ status: 'queued', id: undefined });
  expect(await a.invalidateTags(tags)).toMatchObject({ status: 'queued' });
  await expect(a.invalidate('k', { required: true })).rejects.toThrow(MasterUnavailableError);
  expect(a.stats().undelivered).toBe(2);
  expect(await a.get('k', () => 'new')).toBe('new');
  expect(await a.get('tagged', () => 'new', { tags })).toBe('new');
  await server.restart();
  await until(() => delivered.length > 0);
  expect(delivered).toEqual([2]);
  expect(a.stats().undelivered).toBe(0);
  // equal cursors may both be before these two: what comes behind them is waited for
  const { id } = await a.invalidate('last');
  await until(() => b.stats().cursor === id && b.stats().confirmed);
  expect(await b.get('k', () => 'new')).toBe('new');
  expect(await b.get('tagged', () => 'new', { tags })).toBe('new');
  expect(await b.get('kept', never)).toBe('old');
  expect(await a.get('k', never)).toBe('new');
});

test('what waits to be delivered is not read from a Redis that still has the old value', async () => {
  await using rig = new Rig();
  const a = await rig.following(server.url);
  await a.get('k', () => 'old');
  server.pause();
  expect(await a.invalidate('k')).toMatchObject({ status: 'queued' });
  server.resume();
  expect(await a.get('k', () => 'new')).toBe('new');
  await until(() => a.stats().undelivered === 0);
  expect(await a.get('k', () => 'new')).toBe('new');
});

test('a set that was not confirmed rejects, and the key is invalidated afterwards', async () => {
  await using rig = new Rig();
  const a = await rig.following(server.url);
  await a.set('k', 1);
  server.pause();
  await expect(a.set('k', 2)).rejects.toThrow(MasterUnavailableError);
  expect(await a.get('k', () => 'source')).toBe('source');
  server.resume();
  await until(() => a.stats().undelivered === 0);
  const b = await rig.following(server.url);
  expect(await b.get('k', () => 'source')).toBe('source');
});

test('too many queued invalidations become one clear', async () => {
  await using rig = new Rig();
  const a = await rig.following(server.url);
  const b = await rig.following(server.url);
  await a.get('k', () => 'old');
  await b.get('k', never);
  server.pause();
  await a.invalidate('first');
  await Promise.all(Array.from({ length: 10_001 }, (_, i) => a.invalidate(`k${i}`)));
  expect(a.stats().undelivered).toBeLessThan(100); // the clear, and what came after it
  expect(await a.get('k', () => 'new')).toBe('new');
  server.resume();
  await until(() => a.stats().undelivered === 0);
  await until(() => b.stats().cursor >= a.stats().cursor && b.stats().fenced === 0);
  await sleep(50);
  expect(await b.get('k', () => 'new')).toBe('new');
});

test('bypass: without any Redis the local tier is not served once changes cannot be heard', async () => {
  await using rig = new Rig();
  const options = { unconfirmedAfterMs: 1_500, serveUnconfirmedMs: 100 };
  const stale = await rig.following(server.url, options);
  const bypass = await rig.following(server.url, { ...options, onPartition: 'bypass' });
  for (const cache of [stale, bypass]) await cache.get('k', () => 'old');
  const degraded = [stale, bypass].map(
    (cache) => new Promise((resolve) => cache.on('degraded', resolve)),
  );
  await server.kill();
  await Promise.all(degraded);
  const load = counting();
  await bypass.get('first', () => 1);
  await stale.get('first', () => 1);
  expect(await bypass.get<unknown>('k', load)).toEqual({ n: 1 });
  expect(await bypass.get<unknown>('k', load)).toEqual({ n: 2 });
  expect(await stale.get('k', never)).toBe('old');
});
