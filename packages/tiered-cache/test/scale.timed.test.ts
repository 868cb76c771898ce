import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { never, Rig, sleep } from './support/rig.ts';

const ENTRIES = 1_000_000;
const TAGGED = 100_000;

/** Makes entries as `set` would, a million of them in a few seconds. */
const FILL = `
local prefix, head, body = KEYS[1], ARGV[3], ARGV[4]
for i = ARGV[1], ARGV[2] do
  local tags = i < tonumber(ARGV[5]) and '["t"]' or '[]'
  redis.call('SET', prefix .. 'k' .. i, head .. tags .. body, 'PX', 3600000)
end`;

test('with 1,000,000 entries, 100,000 tagged, a tag and a clear are one write each, without looking through keys', async () => {
  await using server = await startRedis();
  await using rig = new Rig();
  const client = rig.client(server.url);
  const options = { local: { maxEntries: 200_000 }, ttlMs: 3_600_000 };
  const a = await rig.following(server.url, options);
  const b = await rig.following(server.url, options);
  const { id } = await a.set('first', 1);
  const until = Date.now() + 3_600_000;
  for (let i = 0; i < ENTRIES; i += 20_000) {
    const head = `tc2 ${id} ${until} 0 json t `;
    const prefix = `tc:{${rig.namespace}}:e:`;
    await client.eval(FILL, 1, prefix, i, i + 19_999, head, '\n{"n":1}', TAGGED);
  }
  expect(await client.dbsize()).toBeGreaterThanOrEqual(ENTRIES);
  // the local tiers hold all that is tagged
  const keys = Array.from({ length: TAGGED }, (_, i) => `k${i}`);
  for (const cache of [a, b]) {
    for (let i = 0; i < TAGGED; i += 5_000) await cache.getMany(keys.slice(i, i + 5_000), never);
  }
  expect(b.stats().local.entries).toBeGreaterThanOrEqual(TAGGED);
  await client.config('RESETSTAT');
  await sleep(200);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const times: number[] = [];
  delay.enable();
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    await (i < 19 ? a.invalidateTags(['t']) : a.clear());
    times.push(performance.now() - start);
    await sleep(5);
  }
  delay.disable();
  times.sort((x, y) => x - y);
  const stallMs = delay.max / 1e6;
  const at = (i: number) => times[i]?.toFixed(2);
  console.log(
    `scale: ${at(10)} ms (p50), ${at(19)} ms (max), event loop at most ${stallMs.toFixed(1)} ms`,
  );
  expect(times[10]).toBeLessThan(5);
  expect(delay.percentile(95) / 1e6).toBeLessThan(10);
  const stats = await client.info('commandstats');
  expect(stats).not.toMatch(/cmdstat_(keys|scan|sscan|hscan|zscan|unlink|del|flushdb):/);
  const spent = /cmdstat_evalsha:calls=\d+,usec=\d+,usec_per_call=([\d.]+)/.exec(stats)?.[1];
  expect(Number(spent)).toBeLessThan(1_000);
  expect(await b.get('k7', () => 'new', { after: a.stats().cursor })).toBe('new');
}, 300_000);
