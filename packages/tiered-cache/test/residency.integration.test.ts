import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { startRedis } from '../../../test/backends.ts';
import { TieredCache } from '../src/index.ts';
import { randomFrom } from './support/random.ts';
import { followed, Rig, until } from './support/rig.ts';
import { World } from './support/world.ts';

test('a namespace that resides in a region leaves no byte in any Redis of the chain', async () => {
  await using world = await World.start(5);
  await using resident = await startRedis();
  await using rig = new Rig();
  const regions = { uk: rig.client(world.regions.uk.url), au: rig.client(world.regions.au.url) };
  const chain = {
    master: rig.client(world.master.url),
    global: rig.client(world.global.url),
    regions,
  };
  const here = { ...chain, region: 'au' };
  const residency = { region: 'au', redis: rig.client(resident.url) };
  const people = [1, 2].map(() => rig.cache(here, { residency }));
  const elsewhere = { ...chain, region: 'uk' };
  expect(() => new TieredCache({ namespace: 'people', redis: elsewhere, residency })).toThrow(
    'Expected `redis.region` to be au, where the namespace resides, got "uk"',
  );
  await using open = new TieredCache({ namespace: `${rig.namespace}-open`, redis: here });
  for (const cache of [...people, open]) await followed(cache);
  const random = randomFrom(7);
  for (let i = 0; i < 600; i++) {
    const cache = people[i % 2] as TieredCache;
    const key = `person:${Math.floor(random() * 40)}`;
    const tags = [`city:${i % 5}`];
    const how = random();
    if (how < 0.5) await cache.get(key, () => ({ name: `resident ${i}` }), { tags });
    else if (how < 0.6) await cache.set(key, { name: `resident ${i}` }, { tags });
    else if (how < 0.7) await cache.writeThrough(key, () => ({ name: `resident ${i}` }));
    else if (how < 0.8) await cache.invalidate(key);
    else if (how < 0.9) await cache.expire(key);
    else if (how < 0.98) await cache.invalidateTags(tags);
    else await cache.clear();
  }
  const { id } = await open.set('product:1', 'for everybody');
  await until(() => open.stats().cursor >= id);
  for (const [name, server] of Object.entries(world.servers)) {
    const client = rig.client(server.url);
    // what is for everybody comes there, by replication, after all that was for residents
    const shared = `tc:{${rig.namespace}-open}:e:product:1`;
    await expect.poll(() => keysOf(client), { message: name }).toContain(shared);
    const keys = await keysOf(client);
    expect(keys.filter((key) => key.includes(`{${rig.namespace}}`))).toEqual([]);
    expect(keys.filter((key) => key.includes('person:') || key.includes('city:'))).toEqual([]);
  }
  const own = await keysOf(rig.client(resident.url));
  expect(own.some((key) => key.startsWith(`tc:{${rig.namespace}}:e:person:`))).toBe(true);
}, 60_000);

async function keysOf(client: Redis): Promise<string[]> {
  const keys: string[] = [];
  for await (const some of client.scanStream({ count: 1_000 })) keys.push(...(some as string[]));
  return keys;
}
