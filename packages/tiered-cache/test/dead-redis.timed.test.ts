import { afterEach, beforeEach, expect, test } from 'vitest';
import { type NativeServer, startRedis } from '../../../test/backends.ts';
import { followed, never, Rig } from './support/rig.ts';

let server: NativeServer;
beforeEach(async () => {
  server = await startRedis();
});
afterEach(() => server.stop());

const timed = async <T>(call: () => Promise<T>): Promise<[T, number]> => {
  const start = performance.now();
  return [await call(), performance.now() - start];
};

const clients = { 'ioredis 5': 'client', 'ioredis 6': 'client6' } as const;
const deaths = {
  killed: () => server.kill(),
  stopped: async () => server.pause(), // half-open: connections stay and nothing answers
};
const cases = Object.entries(clients).flatMap(([client, make]) =>
  Object.entries(deaths).map(([death, die]) => ({ client, make, death, die })),
);

test.each(cases)(
  'a Redis that was $death, with a stock $client: the first cold read within 1.2 s, the next within 5 ms',
  async ({ make, die }) => {
    await using rig = new Rig();
    const a = await followed(rig.cache(rig[make](server.url)));
    const down: string[] = [];
    a.on('tierDown', ({ tier }) => down.push(tier));
    await die();
    const [first, firstMs] = await timed(() => a.get('cold', () => 1));
    expect(first).toBe(1);
    expect(firstMs).toBeLessThan(1_200);
    const times: number[] = [];
    for (let i = 0; i < 50; i++) times.push((await timed(() => a.get(`cold${i}`, () => i)))[1]);
    times.sort((x, y) => x - y);
    expect(times[25]).toBeLessThan(5);
    expect(new Set(down)).toEqual(new Set(['near', 'master']));
    expect(await a.get('cold', never)).toBe(1); // the local tier goes on
  },
);

test('a Redis that was never there: the cache works as a local one', async () => {
  await using rig = new Rig();
  const a = rig.cache(rig.client('redis://127.0.0.1:1'));
  const [value, ms] = await timed(() => a.get('k', () => 1));
  expect(value).toBe(1);
  expect(ms).toBeLessThan(1_200);
  expect(await a.get('k', never)).toBe(1);
  await expect(a.healthCheck().check(AbortSignal.timeout(3_000))).rejects.toThrow(
    'does not answer',
  );
});
