import { describe, expect, it } from 'vitest';
import { markdown, type Price, priceTable, sizing } from '../load/sizing.ts';

const price = (service: Price['service'], storyPerSecond: number, cpu: Record<string, number>) => ({
  ...{ kind: `call of ${service}`, service, storyPerSecond, knee: 100 },
  memoryMiB: new Map([
    ['front', 200],
    ['worker', 150],
  ]),
  cpuMs: new Map(Object.entries(cpu)),
});
const prices: Price[] = [
  price('catalog', 6_000, { front: 1, Redis: 0.1 }),
  price('orders', 200, { front: 5, worker: 10, Redis: 1, PostgreSQL: 2 }),
];
const rowOf = (times: number, name: string) =>
  sizing(prices, times).table.rows.find(([service]) => service === name);

describe('the sizing', () => {
  it('is calls a second x CPU a call, at 60 %, with a zone to spare, in three zones', () => {
    // 6 cores at work / 0.6 x 1.5 = 15 pods
    expect(rowOf(1, 'catalog')).toEqual(['catalog', '6.0', '15', '15 x 200 MiB', '15 x 3']);
    expect(rowOf(10, 'catalog')).toEqual(['catalog', '60.0', '150', '150 x 200 MiB', '150 x 3']);
    expect(rowOf(1, 'orders')?.[2]).toBe('3');
    // the worker's share of an order is the workers', not the orders service's
    expect(rowOf(1, 'workers')?.slice(0, 4)).toEqual(['workers', '2.0', '6', '6 x 150 MiB']);
    // 0.6 + 0.2 cores, of a server that has one
    expect(rowOf(1, 'Redis')?.[2]).toBe('2 shards of one core');
  });

  it('never has fewer pods than zones, and no cores from what was measured below nothing', () => {
    const cheap = [price('auth', 1, { front: -0.5 })];
    const auth = sizing(cheap, 1).table.rows.find(([service]) => service === 'auth');
    expect(auth).toEqual(['auth', '0.0', '3', '3 x 200 MiB', '3 x 3']);
  });

  it('is checked by the plan of connections', () => {
    expect(sizing(prices, 1).errors).toEqual([]);
    expect(sizing(prices, 1_000).errors[0]).toContain('PgBouncer takes');
  });

  it('is a table in documents', () => {
    const [head, line, first] = markdown(priceTable(prices)).split('\n');
    expect(head).toContain('| operation | service |');
    expect(line).toMatch(/^\| --- \|/);
    expect(first).toBe(
      '| call of catalog | catalog | 6,000 | 1,000 calls | 1.00 ms | 0.00 ms | 0.10 ms | 0.00 ms | 0.00 ms | 100/s | 200 MiB |',
    );
  });
});
