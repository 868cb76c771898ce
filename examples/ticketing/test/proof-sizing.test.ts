import { describe, expect, it } from 'vitest';
import {
  costTable,
  logInTable,
  type Measured,
  markdown,
  orderFor,
  type Price,
  priceTable,
  type Service,
  sizing,
} from '../load/sizing.ts';

const price = (
  kind: string,
  service: Price['service'],
  storyPerSecond: number,
  cpu: Record<string, number>,
  knee?: number,
): Price => ({
  ...{ kind, service, storyPerSecond },
  cpuMs: new Map(Object.entries(cpu)),
  ...(knee === undefined ? {} : { knee }),
});
const measured = (...prices: Price[]): Measured => ({
  prices,
  memoryMiB: new Map(['gateway', 'auth', 'catalog', 'orders'].map((name) => [name, 200])),
});
const shop = measured(
  price('event page', 'catalog', 6_000, { catalog: 1, gateway: 0.5, Redis: 0.1 }, 100),
  price('log in', 'auth', 800, { auth: 1, gateway: 0.5 }),
  price('password hash', 'auth', 800, { auth: 199 }),
  price('refresh', 'auth', 0, { auth: 0.5 }),
  price('order', 'orders', 200, { orders: 5, payments: 10, Redis: 1, PostgreSQL: 2 }),
);
const rowOf = (times: number, name: string) =>
  sizing(shop, times).table.rows.find(([service]) => service === name);
const orderOf = (of: Measured, service: Service) =>
  orderFor(of, 1).find((one) => one.service === service);

describe('the sizing', () => {
  it('is calls a second x CPU a call, at 60 %, with a zone to spare, in three zones', () => {
    // 6 cores at work / 0.6 x 1.5 = 15 pods of a core
    const catalog = ['catalog', '6.0', '15', '1000m', '200 MiB', '15 x 4'];
    expect(rowOf(1, 'catalog')).toEqual(catalog);
    expect(rowOf(10, 'catalog')?.slice(1, 3)).toEqual(['60.0', '150']);
    // 0.6 + 0.2 cores, of a server that has one
    expect(rowOf(1, 'Redis')?.[2]).toBe('2 shards of one core');
  });

  it('counts the work of each service of whichever call it is', () => {
    expect(rowOf(1, 'payments')?.slice(0, 4)).toEqual(['payments', '2.0', '6', '850m']);
    // 6,800 calls pass through it
    expect(rowOf(1, 'gateway')?.[1]).toBe('3.4');
    // a log-in is its session and its hash: 800 x 200 ms
    expect(rowOf(1, 'auth')?.slice(1, 3)).toEqual(['160', '402']);
    // and three hashes at a time of 16 MiB
    expect(rowOf(1, 'auth')?.[4]).toBe('248 MiB');
  });

  it('has gateways for the sockets as well as for the calls', () => {
    // 150,000 / 18,750 a process x 1.5
    expect(orderOf(shop, 'gateway')).toMatchObject({ pods: 12 });
    // 200 MiB and 12,500 sockets, of a lost zone half as many more, x 6.5 KiB
    expect(orderOf(shop, 'gateway')?.memoryMiB).toBe(200 + 120);
    const busy = measured(price('message', 'gateway', 600_000, { gateway: 0.1 }));
    expect(orderOf(busy, 'gateway')?.pods).toBe(150);
  });

  it('never has fewer pods than zones, and no cores from what was measured below nothing', () => {
    const cheap = measured(price('look', 'catalog', 1, { catalog: -0.5 }));
    expect(orderOf(cheap, 'catalog')).toEqual({
      ...{ service: 'catalog', cores: 0, pods: 3, milliCpu: 100, memoryMiB: 200 },
    });
  });

  it('is checked by the plan of connections', () => {
    expect(sizing(shop, 1).errors).toEqual([]);
    // more PgBouncers than the server has connections for
    expect(sizing(shop, 1_000).errors.join()).toContain('PgBouncer may open');
  });

  it('is a table in documents', () => {
    const [head, line, first] = markdown(priceTable(shop)).split('\n');
    expect(head).toContain('| operation | service |');
    expect(line).toMatch(/^\| --- \|/);
    expect(first).toBe(
      '| event page | catalog | 6,000 | 1,000 calls | 1.00 ms | 0.50 ms | 0.00 ms | 0.00 ms | 0.10 ms | 0.00 ms | 0.00 ms | 100/s | 200 MiB |',
    );
  });
});

describe('the cost', () => {
  const { rows } = costTable(shop);
  it('is of each pod as large as it must be, against all as large as the dearest', () => {
    const order = orderFor(shop, 1);
    const pods = order.reduce((sum, one) => sum + one.pods, 0);
    const cores = order.reduce((sum, one) => sum + (one.pods * one.milliCpu) / 1_000, 0);
    expect(rows[0]?.slice(2, 4)).toEqual([String(pods), String(Math.round(cores))]);
    // the dearest takes a core
    expect(rows[1]?.[2]).toBe(String(pods));
    expect(rows[1]?.[3]).toBe(
      `${pods} (right-sized: ${Math.round((1 - cores / pods) * 100)} % less)`,
    );
    // seven services of 402 pods
    expect(rows[2]?.[2]).toBe('2,814');
  });

  it('is told without auth as well, beside whose hashes all else is small', () => {
    expect(rows.map(([services]) => services)).toEqual([
      ...['all', 'all', 'all', 'all but auth', 'all but auth', 'all but auth'],
    ]);
    // gateway 12, catalog 15, inventory, orders and notifications 3, payments 6
    expect(rows[3]?.[2]).toBe('42');
    expect(rows[5]?.[2]).toBe('90');
  });
});

it('says what auth takes when most have a session', () => {
  expect(logInTable(shop).rows).toEqual([
    ['100 %', '800', '0.0', '160', '402'],
    // 80 x 200 ms + 720 x 0.5 ms
    ['10 %', '80.0', '720', '16.4', '42'],
    ['1 %', '8.0', '792', '2.0', '6'],
  ]);
});
