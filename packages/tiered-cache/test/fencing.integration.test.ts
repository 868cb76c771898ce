import { expect, test } from 'vitest';
import { backends } from '../../../test/backends.ts';
import type { TieredCache } from '../src/index.ts';
import { gate, never, Rig, until } from './support/rig.ts';

const { redisUrl } = backends();

type Change = [name: string, change: (cache: TieredCache) => Promise<{ id: string | undefined }>];
const changes: Change[] = [
  ['invalidate', (cache) => cache.invalidate('k')],
  ['invalidateTags', (cache) => cache.invalidateTags(['t'])],
  ['clear', (cache) => cache.clear()],
];
const options = { tags: ['t'] };

test.each(changes)(
  '%s during a load: nothing old is kept by any tier of any process',
  async (_, change) => {
    await using rig = new Rig();
    const a = await rig.following(redisUrl);
    const b = await rig.following(redisUrl);
    const refused: string[] = [];
    a.on('refused', ({ reason }) => refused.push(reason));
    const row = gate<string>();
    const reading = a.get('k', () => row.opened, options);
    await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
    const { id = '' } = await change(b);
    row.open('old');
    expect(await reading).toBe('old'); // who waits already gets what was loaded
    expect(await b.get('k', () => 'new', options)).toBe('new');
    expect(await a.get('k', never, { after: id })).toBe('new');
    await until(() => refused.length > 0);
    expect(refused).toEqual(['changed']);
    const c = await rig.following(redisUrl);
    await rig.stored(redisUrl, 'k');
    expect(await c.get('k', never)).toBe('new');
  },
);

test.each(changes)(
  '%s by the loading process itself: a read after it loads anew',
  async (_, change) => {
    await using rig = new Rig();
    const a = await rig.following(redisUrl);
    const row = gate<string>();
    const reading = a.get('k', () => row.opened, options);
    await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
    await change(a);
    const after = a.get('k', () => 'new', options);
    row.open('old');
    expect(await reading).toBe('old');
    expect(await after).toBe('new');
    expect(await a.get('k', never)).toBe('new');
  },
);

test('a set during a load wins over what was loaded', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  const b = await rig.following(redisUrl);
  const row = gate<string>();
  const reading = a.get('k', () => row.opened);
  await until(async () => (await rig.client(redisUrl).exists(`tc:{${rig.namespace}}:l:k`)) === 1);
  const { id } = await b.set('k', 'new');
  row.open('old');
  expect(await reading).toBe('old');
  expect(await a.get('k', never, { after: id })).toBe('new');
  expect(await b.get('k', never)).toBe('new');
});

test('after a write and its echo the value is loaded once and kept', async () => {
  await using rig = new Rig();
  const a = await rig.following(redisUrl);
  await a.get('k', () => 'old');
  let loads = 0;
  const slow = async () => {
    loads++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return 'new';
  };
  await a.invalidate('k');
  const reads = [a.get('k', slow)];
  await until(() => a.stats().fenced === 0);
  reads.push(a.get('k', slow));
  expect(await Promise.all(reads)).toEqual(['new', 'new']);
  expect(await a.get('k', never)).toBe('new');
  expect(loads).toBe(1);
});

test('of many concurrent writers and readers nobody is left with an old value', async () => {
  await using rig = new Rig();
  const caches = await Promise.all([1, 2, 3].map(() => rig.following(redisUrl)));
  const rows = new Map<string, number>();
  const keys = ['a', 'b', 'c', 'd'];
  const load = (key: string) => async () => {
    const row = rows.get(key) ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 3));
    return row;
  };
  await Promise.all(
    caches.map(async (cache, i) => {
      for (let n = 0; n < 150; n++) {
        const key = keys[(n * 7 + i) % keys.length] as string;
        const version = (rows.get(key) ?? 0) + 1;
        rows.set(key, version);
        await cache.invalidate(key);
        expect(await cache.get(key, load(key))).toBeGreaterThanOrEqual(version);
      }
    }),
  );
  const last = caches[0]?.stats().cursor ?? '';
  await until(() => caches.every((cache) => cache.stats().cursor >= last));
  await until(() => caches.every((cache) => cache.stats().fenced === 0));
  for (const cache of caches) {
    for (const key of keys) expect(await cache.get(key, load(key))).toBe(rows.get(key));
  }
});
