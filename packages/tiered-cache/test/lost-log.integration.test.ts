import { expect, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { never, Rig, until } from './support/rig.ts';

test('when the log has moved on too far, what is older is dropped, once and told', async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  const client = rig.client(server.url);
  const a = await rig.following(server.url, { logLength: 100 });
  const b = await rig.following(server.url);
  await b.get('k', () => 'old');
  const gaps: unknown[] = [];
  b.on('gap', (gap) => gaps.push(gap));
  // b stands still while the log is cut behind it
  const connections = ((await client.client('LIST')) as string).split('\n');
  const { cursor } = b.stats();
  await client.client('PAUSE', 300, 'ALL').catch(() => {});
  expect(connections.length).toBeGreaterThan(1);
  const writes = Array.from({ length: 1_500 }, (_, i) => a.invalidate(`other${i}`));
  writes.push(a.invalidate('k'));
  await Promise.all(writes);
  await client.xtrim(`tc:{${rig.namespace}}:log`, 'MAXLEN', 1);
  const { id = '' } = await a.invalidate('k');
  await until(() => b.stats().cursor >= id);
  expect(await b.get('k', () => 'new')).toBe('new');
  for (const gap of gaps) expect(gap).toMatchObject({ from: expect.any(String) });
  expect(cursor < id).toBe(true);
});

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
