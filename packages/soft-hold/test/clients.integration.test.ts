import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { Redis as Valkey } from 'iovalkey';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { backends, type NativeServer, startRedis, uniqueName } from '../../../test/backends.ts';
import { HoldPool, type RedisLike } from '../src/index.ts';
import { WaitingRoom } from '../src/waiting-room/index.ts';
import { clients, counts, grab, newId, noRows } from './setup.ts';

const SLOTS = 16_384;
let nodes: NativeServer[] = [];

/** Three masters with a third of the slots each. */
beforeAll(async () => {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  nodes = await Promise.all([0, 1, 2].map(() => startRedis({ args })));
  const direct = nodes.map(({ url }) => new Redis(url));
  const [first] = direct as [Redis];
  await Promise.all(
    direct.map((node, i) =>
      node.call(
        'CLUSTER',
        'ADDSLOTSRANGE',
        Math.ceil((SLOTS * i) / 3),
        Math.ceil((SLOTS * (i + 1)) / 3) - 1,
      ),
    ),
  );
  for (const { port } of nodes) await first.call('CLUSTER', 'MEET', '127.0.0.1', port);
  const ok = async (node: Redis) =>
    /cluster_state:(\w+)/.exec(String(await node.call('CLUSTER', 'INFO')))?.[1];
  for (const node of direct) while ((await ok(node)) !== 'ok') await sleep(20);
  for (const node of direct) node.disconnect();
});
afterAll(() => Promise.all(nodes.map((node) => node.stop())));

const seeds = () => nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
const CLIENTS: [string, () => RedisLike & { disconnect(): void }][] = [
  ['ioredis 6', () => new Redis(backends().redisUrl)],
  ['ioredis 5', () => new Redis5(backends().redisUrl)],
  [
    'ioredis 5 with auto-pipelining',
    () => new Redis5(backends().redisUrl, { enableAutoPipelining: true }),
  ],
  ['iovalkey', () => new Valkey(backends().redisUrl)],
  ['a cluster by ioredis 6', () => new Cluster(seeds())],
  ['a cluster by ioredis 5', () => new Cluster5(seeds())],
];

describe.each(CLIENTS)('%s', (_, connect) => {
  const connected = () => {
    const redis = connect();
    onTestFinished(() => redis.disconnect());
    return redis;
  };

  test('holds, seats, waits, sells, feeds and rebuilds', async () => {
    const { store } = clients();
    await store.migrate();
    // pools on every node of a cluster
    for (let i = 0; i < 3; i++) {
      const pool = new HoldPool({ redis: connected(), store, pool: uniqueName('clients') });
      onTestFinished(() => pool.close());
      await pool.open({ GA: 2, HALL: { rows: [{ seats: ['A1', 'A2', 'A3'] }] } });
      const steps: number[] = [];
      const faults: unknown[] = [];
      pool.on('change', ({ seq }) => steps.push(seq));
      pool.on('fault', (error) => faults.push(error));
      await pool.subscribe();
      const held = await grab(pool, 2);
      const waiter = { id: newId(), holder: 'b', items: [{ sku: 'GA', quantity: 1 }], queue: true };
      expect(await pool.hold(waiter)).toEqual({ status: 'queued', position: 1 });
      const seats = await pool.hold({
        id: newId(),
        holder: 'c',
        items: [{ sku: 'HALL', quantity: 2 }],
      });
      if (seats.status !== 'held') throw new Error(seats.status);
      expect(await pool.commit(seats.hold, noRows)).toEqual({ status: 'sold' });
      await pool.release(held);
      expect(await pool.get(waiter.id)).toMatchObject({ state: 'pending' });
      const { seq } = await pool.available();
      await expect.poll(() => steps.at(-1)).toBe(seq);
      await pool.rebuild();
      expect(await counts(pool)).toBe('1/1/0');
      expect(await pool.verify()).toEqual({ ok: true, differences: [] });
      expect(faults).toEqual([]);
    }
  });

  test('admits through a waiting room', async () => {
    const secret = 'a secret of thirty-two characters';
    const options = { secrets: [secret], seed: secret, opensAt: 0, everyMs: 10 };
    const room = new WaitingRoom({ redis: connected(), room: uniqueName('room'), ...options });
    const { ticket } = room.join('ada');
    await expect
      .poll(() => room.tick().then(() => room.enter('ada', ticket)))
      .toMatchObject({ status: 'admitted' });
  });
});

test('every call ends by its deadline while Redis is dead, with stock options', async () => {
  await using server = await startRedis();
  const both = [new Redis(server.url), new Redis5(server.url)];
  for (const redis of both) redis.on('error', () => {});
  for (const redis of both) {
    onTestFinished(() => redis.disconnect());
    const { store } = clients();
    const pool = new HoldPool({ redis, store, pool: uniqueName('dead'), commandTimeoutMs: 150 });
    onTestFinished(() => pool.close());
    await store.migrate();
    await pool.open({ GA: 5 });
    const held = await grab(pool);
    await server.kill();
    const started = performance.now();
    const calls = [
      grab(pool),
      pool.extend(held, { forMs: 1_000 }),
      pool.replace(held, [{ sku: 'GA', quantity: 2 }]),
      pool.release(held),
      pool.commit(held, noRows),
      pool.get(held.id),
      pool.available(),
      pool.maintain(),
      pool.pause(),
    ];
    for (const outcome of await Promise.allSettled(calls))
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'ERR_HOLD_UNAVAILABLE' },
      });
    expect(performance.now() - started).toBeLessThan(2_000);
    await server.restart();
  }
});
