/** What a hit of the local tier, and of Redis, costs; contenders alternate so that a busy neighbour hits all alike. */
import { cpuUsage } from 'node:process';
import { Redis } from 'ioredis';
import { TieredCache } from '../src/index.ts';
import { contenders } from './contenders.ts';

const ROUNDS = 9;
const CALLS = 200_000;
const KEYS = 8_000;
const PARALLEL = 64;
const value = {
  id: 42,
  name: 'Front row',
  price: 12_900,
  currency: 'EUR',
  tags: ['a', 'b'],
  seats: 4,
};

const median = (list: number[]) => list.sort((a, b) => a - b)[list.length >> 1] as number;

type Get = (key: string, load: () => Promise<unknown>) => Promise<unknown>;

/** A fresh copy for each: one shared loop would be compiled for all of them, for none well. */
const loop = (): ((get: Get, load: () => Promise<unknown>, calls: number) => Promise<void>) =>
  new Function(
    `return async (get, load, calls) => { for (let i = 0; i < calls; i++) await get('k', load); }`,
  )();

/** Nanoseconds of CPU per awaited hit of the local tier, by contender. */
export async function localHits(url: string, namespace: string): Promise<Map<string, number>> {
  const runs = [];
  for (const [name, { make, local }] of Object.entries(contenders)) {
    const cache = await (local ?? make)(url, `${namespace}-${runs.length}`);
    const load = async () => value;
    await cache.get('k', load);
    const slow = /bento|cacheable|manager/.test(name) ? 10 : 1;
    runs.push({ name, cache, load, run: loop(), calls: CALLS / slow, rounds: [] as number[] });
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (let round = -2; round < ROUNDS; round++) {
    for (const { cache, load, run, calls, rounds } of runs) {
      await cache.get('k', load);
      const before = cpuUsage();
      await run(cache.get, load, calls);
      const { user, system } = cpuUsage(before);
      if (round >= 0) rounds.push(((user + system) * 1_000) / calls);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  await Promise.all(runs.map(({ cache }) => cache.close()));
  return new Map(runs.map(({ name, rounds }) => [name, median(rounds)]));
}

/** Reads per second: through the cache from Redis, and GET + JSON.parse of the same value. */
export async function redisHits(url: string, namespace: string) {
  const client = new Redis(url);
  const writer = new TieredCache({ namespace, redis: client });
  const keys = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
  const raw = (key: string) => `${namespace}-raw:${key}`;
  for (const key of keys) {
    await Promise.all([writer.set(key, value), client.set(raw(key), JSON.stringify(value))]);
  }
  const never = () => {
    throw new Error('The loader was called');
  };
  const perSecond = async (read: (key: string) => Promise<unknown>) => {
    const start = performance.now();
    let next = 0;
    const worker = async () => {
      while (next < KEYS) await read(keys[next++] as string);
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    return (KEYS * 1_000) / (performance.now() - start);
  };
  const [raws, cached]: [number[], number[]] = [[], []];
  for (let round = -6; round < ROUNDS; round++) {
    const rawRate = await perSecond(async (key) =>
      JSON.parse((await client.get(raw(key))) as string),
    );
    const reader = new TieredCache({ namespace, redis: client });
    await reader.get('key:0', never);
    await new Promise((resolve) => setTimeout(resolve, 50)); // it has found its place in the log
    const cachedRate = await perSecond((key) => reader.get(key, never));
    await reader.close();
    if (round < 0) continue;
    raws.push(rawRate);
    cached.push(cachedRate);
  }
  await writer.close();
  client.disconnect();
  return { raw: median(raws), cached: median(cached) };
}

/** Milliseconds from the call of `invalidate` until another cache has heard of it: p50 and p99. */
export async function propagation(url: string, namespace: string) {
  const [one, two] = [new Redis(url), new Redis(url)];
  const writer = new TieredCache({ namespace, redis: one });
  const reader = new TieredCache({ namespace, redis: two });
  await writer.get('k', async () => 1);
  await reader.get('k', async () => 1);
  const times: number[] = [];
  for (let i = 0; i < 500; i++) {
    const start = performance.now();
    const { id = '' } = await writer.invalidate(`k${i}`);
    while (reader.stats().cursor < id) await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - start);
  }
  await Promise.all([writer.close(), reader.close()]);
  one.disconnect();
  two.disconnect();
  times.sort((a, b) => a - b);
  return { p50: times[250] as number, p99: times[495] as number };
}
