import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { TieredCache } from '../src/index.ts';

/** `CHURN_MINUTES=10` is the long form; the short one ends after so many keys, however slow the machine is. */
const MINUTES = Number(process.env.CHURN_MINUTES ?? 0);
const KEYS = 60_000;
const SAMPLES = 20;

test(
  `the local tier stays within its bounds, and memory flat, while ever new keys come${MINUTES ? ` for ${MINUTES} minutes` : ''}`,
  async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const maxBytes = 16 * 1_048_576;
    await using cache = new TieredCache({
      namespace: 'churn',
      local: { maxEntries: 20_000, maxBytes },
    });
    const start = performance.now();
    const samples: NodeJS.MemoryUsage[] = [];
    let n = 0;
    const done = () => (MINUTES ? (performance.now() - start) / (MINUTES * 60_000) : n / KEYS);
    while (done() < 1) {
      for (let i = 0; i < 500; i++) {
        const key = `key:${n++}`;
        await cache.get(key, () => ({ key, text: 'x'.repeat(n % 3_000) }), {
          tags: [`t${n % 1_000}`],
        });
      }
      const { entries, bytes } = cache.stats().local;
      expect(entries).toBeLessThanOrEqual(20_000);
      expect(bytes).toBeLessThanOrEqual(maxBytes);
      if (done() * SAMPLES < samples.length) continue;
      gc();
      samples.push(process.memoryUsage());
      await new Promise((resolve) => setImmediate(resolve));
    }
    // the tier is full after the first third
    const third = Math.floor(samples.length / 3);
    const mean = (list: typeof samples, of: 'rss' | 'heapUsed') =>
      list.reduce((sum, sample) => sum + sample[of], 0) / list.length / 1_048_576;
    const [middle, last] = [samples.slice(third, -third), samples.slice(-third)];
    const [rss, heap] = (['rss', 'heapUsed'] as const).map((of) => [
      mean(middle, of),
      mean(last, of),
    ]) as [[number, number], [number, number]];
    const shown = ([before, after]: [number, number]) =>
      `${before.toFixed(0)} MiB, then ${after.toFixed(0)} MiB`;
    console.log(`churn: ${n} keys, RSS ${shown(rss)}; heap ${shown(heap)}`);
    console.log(`churn: RSS ${samples.map(({ rss }) => Math.round(rss / 1_048_576)).join(' ')}`);
    expect(n).toBeGreaterThanOrEqual(KEYS);
    expect(rss[1]).toBeLessThan(rss[0] * 1.15 + 10);
    expect(heap[1]).toBeLessThan(heap[0] * 1.05 + 2);
  },
  MINUTES * 60_000 + 120_000,
);
