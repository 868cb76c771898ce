import { expect, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { never, Rig, sleep, until } from './support/rig.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

test('when the log has moved on too far, what is older is dropped, once and told', async () => {
  await using server = await startRedis();
  await using network = await TcpProxy.start(server.port);
  await using rig = new Rig();
  const a = await rig.following(server.url);
  const b = await rig.following(`redis://127.0.0.1:${network.port}`);
  await b.get('changed', () => 'old');
  await b.get('kept', () => 'old');
  const gaps: { from: string; to: string }[] = [];
  b.on('gap', (gap) => gaps.push(gap));
  network.cut();
  const from = b.stats().cursor;
  await a.invalidate('changed');
  await a.invalidate('another');
  await rig.client(server.url).xtrim(`tc:{${rig.namespace}}:log`, 'MAXLEN', 1);
  network.heal();
  await until(() => gaps.length > 0);
  expect(gaps).toHaveLength(1);
  expect((gaps[0]?.from ?? '') >= from).toBe(true);
  expect(b.stats().cursor >= a.stats().cursor).toBe(true);
  expect(await b.get('changed', () => 'new')).toBe('new');
  expect(await b.get('kept', never)).toBe('old'); // still in Redis
});

test('a master that is full and refuses to write: what is known stays confirmed, what is not written waits', async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  const options = { unconfirmedAfterMs: 3_000, serveUnconfirmedMs: 100 };
  const a = await rig.following(server.url, options);
  const b = await rig.following(server.url, options);
  let degraded = 0;
  for (const cache of [a, b]) {
    await cache.get('k', () => 'old');
    cache.on('degraded', () => degraded++);
  }
  const client = rig.client(server.url);
  await client.config('SET', 'maxmemory', 1);
  await sleep(7_000);
  expect(degraded).toBe(0);
  const { hits } = b.stats();
  expect(await b.get('k', never)).toBe('old');
  expect(b.stats()).toMatchObject({ confirmed: true, hits: hits + 1 });
  expect(await a.get('cold', () => 'loaded')).toBe('loaded'); // not stored
  expect(await a.invalidateTags(['t'])).toMatchObject({ status: 'queued' });
  await client.config('SET', 'maxmemory', 0);
  await until(() => a.stats().undelivered === 0);
  await until(() => b.stats().cursor >= a.stats().cursor);
  expect(await b.get('k', never)).toBe('old');
}, 60_000);

test('FLUSHALL empties the local tiers as well, within two seconds', async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  const client = rig.client(server.url);
  const a = await rig.following(server.url);
  const gaps: unknown[] = [];
  a.on('gap', (gap) => gaps.push(gap));
  await a.get('k', () => 'old');
  await client.flushall();
  await until(() => gaps.length > 0, 2_500);
  expect(await a.get('k', () => 'new')).toBe('new');
});

test('a log that was lost while the clock was set back is noticed, though nothing new in it is newer', async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  const client = rig.client(server.url);
  const a = await rig.following(server.url);
  await a.get('k', () => 'old');
  await rig.stored(server.url, 'k');
  const log = `tc:{${rig.namespace}}:log`;
  const ahead = `${Date.now() + 3_600_000}-0`; // written while the clock was an hour ahead
  await client.xadd(log, ahead, 'p', a.stats().cursor, 'o', 'k', 'k', '');
  await until(() => a.stats().cursor === ahead);
  let gaps = 0;
  a.on('gap', () => gaps++);
  await client.flushall();
  await until(() => gaps === 1);
  await until(() => a.stats().confirmed);
  expect(await a.get('k', () => 'new')).toBe('new');
  const { hits } = a.stats();
  expect(await a.get('k', never)).toBe('new');
  expect(a.stats().hits).toBe(hits + 1);
  const { id = '' } = await a.invalidate('k');
  await until(() => a.stats().cursor >= id);
  expect(await a.get('k', () => 'newer')).toBe('newer');
});

test('a master that comes back empty: the local tiers are emptied, and go on', async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  const a = await rig.following(server.url);
  const b = await rig.following(server.url);
  for (const cache of [a, b]) await cache.get('k', () => 'old');
  const gaps: unknown[] = [];
  for (const cache of [a, b]) cache.on('gap', (gap) => gaps.push(gap));
  await server.kill();
  await server.restart();
  await until(() => gaps.length >= 2);
  await until(() => a.stats().confirmed && b.stats().confirmed);
  expect(await a.get('k', () => 'new')).toBe('new');
  const { id = '' } = await b.invalidate('k');
  expect(await a.get('k', () => 'newer', { after: id })).toBe('newer');
  expect(await b.get('k', never)).toBe('newer');
});
