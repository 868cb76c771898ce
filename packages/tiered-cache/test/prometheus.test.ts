import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { TieredCache } from '../src/index.ts';
import { registerMetrics } from '../src/prometheus.ts';

// its own file: the index of prom-client also loads a module that vitest resolves wrongly
const Registry = createRequire(import.meta.url)('prom-client/lib/registry.js') as {
  new (): import('prom-client').Registry;
};

test('the figures of all caches are scraped, and taken back', async () => {
  await using shop = new TieredCache({ namespace: 'shop' });
  await using users = new TieredCache({ namespace: 'users', partitions: 2 });
  const registry = new Registry();
  const unregister = registerMetrics(registry, [shop, users]);
  await shop.get('k', () => 1);
  await shop.get('k', () => 1);
  await users.get('k', () => 1);
  const text = await registry.metrics();
  expect(text).toContain('# TYPE evenkeel_tiered_cache_reads_total counter');
  expect(text).toContain('evenkeel_tiered_cache_reads_total{namespace="shop",source="local"} 1');
  expect(text).toContain('evenkeel_tiered_cache_reads_total{namespace="shop",source="loader"} 1');
  expect(text).toContain('evenkeel_tiered_cache_local_entries{namespace="users"} 1');
  expect(text).toContain('evenkeel_tiered_cache_confirmed_bool{namespace="shop"} 1');
  unregister();
  expect(await registry.metrics()).toBe('\n');
});
