import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { HoldPool, PostgresStore } from '../src/index.ts';
import { keysOf } from '../src/keys.ts';
import type { Attempt } from './drive.ts';

export type Contender = {
  name: string;
  /** Fewer attempts for those who would take minutes. */
  most?: number;
  /** Readies a fresh stock and answers how to ask for one unit. */
  setUp(stock: number): Promise<{ attempt: Attempt; tearDown?(): Promise<void> }>;
};

const TTL_MS = 120_000;

/** A hold in 30 lines of Lua, as found in tutorials: one call each, hold, limit and expiry. */
const LUA_HOLD = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 32)
for _, id in ipairs(due) do
  redis.call('ZREM', KEYS[2], id)
  local quantity = redis.call('HGET', KEYS[3], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('INCRBY', KEYS[1], quantity)
end
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then return 1 end
local free = tonumber(redis.call('GET', KEYS[1]) or 0)
if free < tonumber(ARGV[2]) then return 0 end
redis.call('DECRBY', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
return 1
`;

export function contenders(redis: Redis, pg: Pool): Contender[] {
  const key = (name: string) => `{bench}:${name}`;
  redis.defineCommand('benchHold', { lua: LUA_HOLD, numberOfKeys: 3 });
  const benchHold = (
    redis as unknown as { benchHold(...args: (string | number)[]): Promise<number> }
  ).benchHold.bind(redis);

  const counter = async (stock: number) => {
    await pg.query('DROP TABLE IF EXISTS bench_stock, bench_hold');
    await pg.query(
      'CREATE TABLE bench_stock (id int PRIMARY KEY, free int NOT NULL, version int NOT NULL DEFAULT 0)',
    );
    await pg.query('CREATE TABLE bench_hold (id text PRIMARY KEY)');
    await pg.query('INSERT INTO bench_stock VALUES (1, $1)', [stock]);
  };
  const locked = async (n: number, paymentMs: number) => {
    const client = await pg.connect();
    try {
      await client.query('BEGIN');
      const { rows } = await client.query('SELECT free FROM bench_stock WHERE id = 1 FOR UPDATE');
      const got = rows[0].free > 0;
      if (got) {
        await client.query('UPDATE bench_stock SET free = free - 1 WHERE id = 1');
        await client.query('INSERT INTO bench_hold VALUES ($1)', [`hold-${n}`]);
        if (paymentMs > 0) await sleep(paymentMs);
      }
      await client.query('COMMIT');
      return got;
    } finally {
      client.release();
    }
  };
  const ours = async (stock: number, boards: { redis?: Redis }) => {
    const store = new PostgresStore(pg);
    await store.migrate();
    const name = `bench-${crypto.randomUUID()}`;
    const pool = new HoldPool({ ...boards, store, pool: name, limitPerHolder: 4 });
    await pool.open({ GA: stock });
    return {
      attempt: async (n: number) => {
        const items = [{ sku: 'GA', quantity: 1 }];
        const { status } = await pool.hold({ id: `hold-${n}`, holder: `buyer-${n}`, items });
        return status === 'held';
      },
      tearDown: async () => {
        await pool.close();
        await redis.del(keysOf(name));
      },
    };
  };

  return [
    {
      name: 'PostgreSQL FOR UPDATE',
      async setUp(stock) {
        await counter(stock);
        return { attempt: (n) => locked(n, 0) };
      },
    },
    {
      name: 'PostgreSQL FOR UPDATE, payment of 20 ms inside',
      most: 400,
      async setUp(stock) {
        await counter(stock);
        return { attempt: (n) => locked(n, 20) };
      },
    },
    {
      name: 'PostgreSQL version column, 10 retries',
      most: 4_000,
      async setUp(stock) {
        await counter(stock);
        return {
          attempt: async (n) => {
            for (let tries = 0; tries <= 10; tries++) {
              const { rows } = await pg.query('SELECT free, version FROM bench_stock WHERE id = 1');
              if (rows[0].free <= 0) return false;
              const { rowCount } = await pg.query(
                'UPDATE bench_stock SET free = free - 1, version = version + 1 WHERE id = 1 AND version = $1',
                [rows[0].version],
              );
              if (rowCount !== 1) continue;
              await pg.query('INSERT INTO bench_hold VALUES ($1)', [`hold-${n}`]);
              return true;
            }
            return false;
          },
        };
      },
    },
    {
      name: 'PostgreSQL SKIP LOCKED',
      async setUp(stock) {
        await pg.query('DROP TABLE IF EXISTS bench_ticket');
        await pg.query('CREATE TABLE bench_ticket (id int PRIMARY KEY, hold text)');
        await pg.query('CREATE INDEX ON bench_ticket (id) WHERE hold IS NULL');
        await pg.query('INSERT INTO bench_ticket SELECT generate_series(1, $1::int)', [stock]);
        return {
          attempt: async (n) => {
            const { rowCount } = await pg.query(
              `UPDATE bench_ticket SET hold = $1 WHERE id = (
                 SELECT id FROM bench_ticket WHERE hold IS NULL
                  ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1)`,
              [`hold-${n}`],
            );
            return rowCount === 1;
          },
        };
      },
    },
    {
      name: 'PostgreSQL one atomic UPDATE',
      async setUp(stock) {
        await counter(stock);
        return {
          attempt: async () => {
            const { rowCount } = await pg.query(
              'UPDATE bench_stock SET free = free - 1 WHERE id = 1 AND free > 0',
            );
            return rowCount === 1;
          },
        };
      },
    },
    {
      name: 'Redis GET then DECR',
      async setUp(stock) {
        await redis.set(key('free'), stock);
        return {
          attempt: async () => {
            if (Number(await redis.get(key('free'))) <= 0) return false;
            await redis.decr(key('free'));
            return true;
          },
        };
      },
    },
    {
      name: 'Redis Lua hold, one per call',
      async setUp(stock) {
        await redis.del(key('free'), key('due'), key('holds'));
        await redis.set(key('free'), stock);
        return {
          attempt: async (n) =>
            (await benchHold(key('free'), key('due'), key('holds'), `hold-${n}`, 1, TTL_MS)) === 1,
        };
      },
    },
    {
      name: 'Redis raw INCR (no stock at all)',
      async setUp() {
        await redis.del(key('incr'));
        return { attempt: async () => (await redis.incr(key('incr'))) < 0 };
      },
    },
    { name: 'soft-hold, PostgreSQL alone', setUp: (stock) => ours(stock, {}) },
    { name: 'soft-hold, full semantics', setUp: (stock) => ours(stock, { redis }) },
  ];
}
