import { Redis } from 'ioredis';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { type Hold, HoldPool, type HoldPoolOptions, PostgresStore } from '../src/index.ts';

/** Clients of one test; closed when it ends. */
export function clients(redisUrl = backends().redisUrl) {
  const redis = new Redis(redisUrl);
  redis.on('error', () => {}); // the tests that stop the server expect it
  const pgPool = new pg.Pool({ connectionString: backends().databaseUrl, max: 10 });
  pgPool.on('error', () => {});
  onTestFinished(async () => {
    redis.disconnect();
    await pgPool.end();
  });
  return { redis, pgPool, store: new PostgresStore(pgPool) };
}

type Overrides = Partial<HoldPoolOptions> & { redisUrl?: string };

/** A pool on clients of its own, closed when the test ends. */
export function makePool(name: string, { redisUrl, ...overrides }: Overrides = {}) {
  const own = clients(redisUrl);
  const pool = new HoldPool({ redis: own.redis, store: own.store, pool: name, ...overrides });
  onTestFinished(() => pool.close());
  return { ...own, pool };
}

/** A migrated, opened pool under a name nobody else uses. */
export async function openPool(
  stock: Parameters<HoldPool['open']>[0],
  overrides: Overrides = {},
): Promise<ReturnType<typeof makePool>> {
  const made = makePool(uniqueName('sale'), overrides);
  await made.store.migrate();
  await made.pool.open(stock);
  return made;
}

/** A clock that stands still until it is moved. */
export function fakeClock(start = 1_800_000_000_000) {
  let now = start;
  const clock = () => now;
  return Object.assign(clock, {
    advance: (ms: number) => {
      now += ms;
    },
  });
}

let counter = 0;
export const newId = () => `hold-${process.pid}-${++counter}`;

/** Holds `quantity` units of GA, or fails the test. */
export async function grab(pool: HoldPool, quantity = 1, holder = newId()): Promise<Hold> {
  const result = await pool.hold({ id: newId(), holder, items: [{ sku: 'GA', quantity }] });
  if (result.status !== 'held') throw new Error(`expected a hold, got ${JSON.stringify(result)}`);
  return result.hold;
}

/** The counts of GA as `free/held/sold`. */
export async function counts(pool: HoldPool, sku = 'GA'): Promise<string> {
  const { skus } = await pool.available();
  const count = skus[sku];
  return `${count?.free}/${count?.held}/${count?.sold}`;
}

export const noRows = async () => {};
