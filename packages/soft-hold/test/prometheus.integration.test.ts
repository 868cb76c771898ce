import { channel } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';

import { expect, test } from 'vitest';
import { registerMetrics } from '../src/prometheus.ts';
import { grab, noRows, openPool } from './setup.ts';

// its index also loads OpenTelemetry, whose ESM build does not load under these tests' conditions
const Registry = createRequire(import.meta.url)('prom-client/lib/registry.js') as {
  new (): import('prom-client').Registry;
};

test('the real prom-client scrapes what a pool has answered, and what is left', async () => {
  const { pool } = await openPool({ GA: 3 }, { board: 'memory' });
  const registry = new Registry();
  const unregister = registerMetrics(registry, [pool]);
  const held = await grab(pool, 2);
  await expect(grab(pool, 2)).rejects.toThrow('sold_out');
  await pool.commit(held, noRows);
  const text = await registry.metrics();
  const labels = `pool="${pool.pool}"`;
  expect(text).toContain(`evenkeel_soft_hold_holds_total{${labels},status="held"} 1`);
  expect(text).toContain(`evenkeel_soft_hold_holds_total{${labels},status="sold_out"} 1`);
  expect(text).toContain(`evenkeel_soft_hold_commits_total{${labels},status="sold"} 1`);
  expect(text).toContain(`evenkeel_soft_hold_stock_units{${labels},sku="GA",state="free"} 1`);
  expect(text).toContain(`evenkeel_soft_hold_fallback_active{${labels}} 1`);
  unregister();
  expect(await registry.metrics()).toBe('\n');
});

test('diagnostics channels tell holds, commits and rebuilds to those who subscribe', async () => {
  const { pool } = await openPool({ GA: 3 }, { board: 'memory' });
  const told: unknown[] = [];
  const names = ['hold', 'commit', 'return', 'rebuilt'];
  const listen = (message: unknown, name: string | symbol) => told.push([name, message]);
  for (const name of names) channel(`evenkeel:soft-hold:${name}`).subscribe(listen);
  const held = await grab(pool);
  await pool.commit(held, noRows);
  await pool.return(held, noRows);
  await pool.rebuild();
  for (const name of names) channel(`evenkeel:soft-hold:${name}`).unsubscribe(listen);
  await grab(pool);
  const { id } = held;
  expect(told).toEqual([
    ['evenkeel:soft-hold:hold', { pool: pool.pool, id, status: 'held' }],
    ['evenkeel:soft-hold:commit', { pool: pool.pool, id, status: 'sold' }],
    ['evenkeel:soft-hold:return', { pool: pool.pool, id, status: 'returned' }],
    ['evenkeel:soft-hold:rebuilt', { pool: pool.pool, epoch: 2, board: 'store' }],
  ]);
});
