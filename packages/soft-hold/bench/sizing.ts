import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { startRedis } from '../../../test/backends.ts';
import { HoldPool, PostgresStore } from '../src/index.ts';
import { keysOf } from '../src/keys.ts';
import { openHall, scriptTimes } from './hall.ts';

const HOLDS = 20_000;

async function fill(redis: Redis, pg: Pool, ttlMs: number): Promise<HoldPool> {
  const store = new PostgresStore(pg);
  await store.migrate();
  const pool = new HoldPool({
    redis,
    store,
    pool: `sizing-${crypto.randomUUID()}`,
    ttlMs,
    graceMs: 0,
    maintainEveryMs: Infinity,
    commandTimeoutMs: 30_000,
  });
  await pool.open({ GA: HOLDS });
  await Promise.all(
    Array.from({ length: HOLDS }, (_, n) =>
      pool.hold({
        id: crypto.randomUUID(),
        holder: `buyer-${n}`,
        items: [{ sku: 'GA', quantity: 1 }],
      }),
    ),
  );
  return pool;
}

async function remove(redis: Redis, pool: HoldPool): Promise<void> {
  await pool.close();
  await redis.unlink(keysOf(pool.pool));
}

/** Redis memory of an open hold: uuid as id, one SKU, every holder another; stream included. */
export async function measureMemory(redis: Redis, pg: Pool) {
  const pool = await fill(redis, pg, 600_000);
  const sizes: Record<string, number> = {};
  let bytes = 0;
  for (const key of keysOf(pool.pool)) {
    const size = Number(await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')) || 0;
    sizes[key.slice(-2)] = Math.round(size / HOLDS);
    bytes += size;
  }
  await remove(redis, pool);
  const detail = Object.entries(sizes).filter(([, size]) => size > 0);
  return {
    'bytes of Redis memory per open hold': {
      value: Math.round(bytes / HOLDS),
      detail: detail.map(([key, size]) => `${key} ${size}`).join(', '),
    },
  };
}

/** 20,000 holds fall due at one moment: how long does the slowest call take meanwhile? */
export async function measureExpiry(redis: Redis, pg: Pool) {
  const pool = await fill(redis, pg, 20_000);
  const last = await redis.zrange(keysOf(pool.pool)[3] as string, '-1', '-1', 'WITHSCORES');
  const wait = Number(last[1]) - Date.now() + 50;
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
  let worst = 0;
  let calls = 0;
  let free = 0;
  while (free < HOLDS) {
    const start = performance.now();
    await pool.get(`none-${calls++}`); // an ordinary call: sweeps a little and answers
    worst = Math.max(worst, performance.now() - start);
    const counts = await redis.hget(keysOf(pool.pool)[1] as string, 'GA');
    free = Number(counts?.split(' ')[0]);
  }
  await remove(redis, pool);
  return {
    'slowest call while 20,000 holds expire, ms': {
      value: Number(worst.toFixed(1)),
      detail: `${calls} calls`,
    },
  };
}

/** Script time of choosing the best seats in a hall of 20,000 until nearly all are taken. */
export async function measureHall(pg: Pool) {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  const pool = await openHall(redis, new PostgresStore(pg), `hall-${crypto.randomUUID()}`);
  const { seated, p50, p99, p999 } = await scriptTimes(redis, pool, 6_400);
  await pool.close();
  redis.disconnect();
  return {
    'best seats of 20,000, script time p99 in ms': {
      value: p99 / 1_000,
      detail: `p50 ${p50 / 1_000}, p99.9 ${p999 / 1_000}, ${seated} seated`,
    },
  };
}
