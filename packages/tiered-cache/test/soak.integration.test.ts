import { expect, test } from 'vitest';
import type { TieredCache } from '../src/index.ts';
import { Chain } from './support/chain.ts';
import { followed, Rig, sleep, until } from './support/rig.ts';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 20);
const SEED = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
const KEYS = 30;
const TAGS = 5;
/** So many keys have one writer each. */
const SOLE = 4;
const tagsOf = (k: number) => [`t${k % TAGS}`];

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test(
  `soak on master -> global -> regional with cuts: nothing stays stale (SOAK_SEED=${SEED})`,
  async () => {
    console.log(`soak: ${SECONDS} s, SOAK_SEED=${SEED}`);
    const random = randomFrom(SEED);
    const pick = (n: number) => Math.floor(random() * n);
    await using chain = await Chain.start(0);
    await using rig = new Rig();
    chain.toGlobal.delayMs = 20;
    chain.toRegional.delayMs = 20;

    const options = { ttlMs: 600_000, local: { ttlMs: 600_000 }, leaseWaitMs: 1_000 };
    const caches: TieredCache[] = [];
    for (const near of [chain.master, chain.global, chain.regional, chain.regional]) {
      const clients = { master: rig.client(chain.master.url), near: rig.client(near.url) };
      caches.push(await followed(rig.cache(clients, options)));
    }

    // the source of truth: a version per key, which only rises
    const rows = new Array<number>(KEYS).fill(0);
    const read = (cache: TieredCache, k: number, after?: string): Promise<number> => {
      const load = async () => {
        const row = rows[k] as number;
        await sleep(random() * 10);
        return row;
      };
      const tags = tagsOf(k);
      return cache.get(`k${k}`, load, after === undefined ? { tags } : { tags, after });
    };

    const failures: string[] = [];
    let reads = 0;
    let writes = 0;
    let last = '0-0';
    const end = performance.now() + SECONDS * 1_000;
    const running = () => performance.now() < end;

    async function write(index: number): Promise<void> {
      const cache = caches[index] as TieredCache;
      let k = pick(KEYS);
      // a set of a value that another writer has replaced in the source meanwhile would be the
      // application's race, so some keys have one writer each
      if (k < SOLE) k = index;
      const key = `k${k}`;
      const version = ++(rows[k] as number);
      const how = random();
      writes++;
      let after: string | undefined;
      if (how < 0.02) after = (await cache.clear()).id;
      else if (how < 0.2) after = (await cache.invalidateTags(tagsOf(k))).id;
      else if (k < SOLE) after = (await cache.set(key, version, { tags: tagsOf(k) })).id;
      else after = (await cache.invalidate(key)).id;
      // an own write is visible at once, and in another process with its id
      const own = await read(cache, k);
      if (own < version) failures.push(`own write of ${key}: ${own} < ${version}`);
      if (after === undefined) return;
      last = after;
      const other = pick(caches.length);
      const elsewhere = await read(caches[other] as TieredCache, k, after);
      if (elsewhere < version) failures.push(`${after} of ${key} at ${other}: ${elsewhere}`);
    }

    const readers = caches.flatMap((cache) =>
      [1, 2].map(async () => {
        while (running()) {
          await Promise.all([1, 2, 3].map(() => read(cache, pick(KEYS))));
          reads += 3;
          await sleep(random() * 4);
        }
      }),
    );
    const writers = caches.map(async (_, index) => {
      while (running()) {
        await write(index);
        await sleep(random() * 25);
      }
    });
    const faults = (async () => {
      while (running()) {
        await sleep(500 + random() * 1_500);
        const network = random() < 0.5 ? chain.toGlobal : chain.toRegional;
        if (random() < 0.5) network.cut();
        else network.stall();
        await sleep(200 + random() * 2_500);
        network.heal();
      }
    })();
    await Promise.all([...readers, ...writers, faults]);
    await until(() => caches.every((cache) => cache.stats().cursor >= last), 30_000);
    await sleep(2_000);

    const stale: string[] = [];
    for (const [index, cache] of caches.entries()) {
      for (let k = 0; k < KEYS; k++) {
        const value = await read(cache, k);
        if (value !== rows[k])
          stale.push(`reader ${index}: k${k} is ${value}, should be ${rows[k]}`);
      }
    }
    console.log(
      `soak: ${reads} reads, ${writes} writes, ${KEYS * caches.length} pairs, ${stale.length} stale`,
    );
    expect(failures).toEqual([]);
    expect(stale).toEqual([]);
    expect(reads).toBeGreaterThan(SECONDS * 50);
    expect(writes).toBeGreaterThan(SECONDS * 5);
    const hits = caches.reduce((sum, cache) => sum + cache.stats().hits, 0);
    expect(hits).toBeGreaterThan(reads / 10);
  },
  (SECONDS + 90) * 1_000,
);
