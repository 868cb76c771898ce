import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { TieredCache } from '../src/index.ts';

/** `CHURN_MINUTES=10` is the long form. */
const SECONDS = process.env.CHURN_MINUTES ? Number(process.env.CHURN_MINUTES) * 60 : 6;

test(
  `the local tier stays within its bounds, and memory flat, while ever new keys come for ${SECONDS} s`,
  async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const maxBytes = 16 * 1_048_576;
    await using cache = new TieredCache({
      namespace: 'churn',
      local: { maxEntries: 20_000, maxBytes },
    });
    const end = performance.now() + SECONDS * 1_000;
    const samples: number[] = [];
    let [n, next] = [0, 0];
    while (performance.now() < end) {
      for (let i = 0; i < 500; i++) {
        const key = `key:${n++}`;
        await cache.get(key, () => ({ key, text: 'x'.repeat(n % 3_000) }), {
          tags: [`t${n % 1_000}`],
        });
      }
      const { entries, bytes } = cache.stats().local;
      expect(entries).toBeLessThanOrEqual(20_000);
      expect(bytes).toBeLessThanOrEqual(maxBytes);
      if (performance.now() < next) continue;
      next = performance.now() + (SECONDS * 1_000) / 20;
      gc();
      samples.push(process.memoryUsage().rss);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const mean = (list: number[]) => list.reduce((sum, x) => sum + x, 0) / list.length / 1_048_576;
    // the tier is full after the first third
    const third = Math.floor(samples.length / 3);
    const [middle, last] = [mean(samples.slice(third, -third)), mean(samples.slice(-third))];
    console.log(`churn: ${n} keys, RSS ${middle.toFixed(0)} MiB, then ${last.toFixed(0)} MiB`);
    expect(n).toBeGreaterThan(40_000);
    expect(last).toBeLessThan(middle * 1.15 + 10);
  },
  (SECONDS + 60) * 1_000,
);
