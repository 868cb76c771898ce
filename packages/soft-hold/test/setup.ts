import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, onTestFinished } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import {
  type Hold,
  HoldPool,
  type HoldPoolOptions,
  type HoldStore,
  MemoryStore,
  PostgresStore,
} from '../src/index.ts';

/** Where a pool is kept; all of them must answer alike. */
export const BOARDS = ['redis', 'postgres', 'memory'] as const;
export type BoardKind = (typeof BOARDS)[number];

const memory = new Map<string, MemoryStore>();

/** The options that put a pool on a board; the same name is the same pool. */
export function boardOptions(
  board: BoardKind,
  pool: string,
  { redis, store }: Pick<ReturnType<typeof clients>, 'redis' | 'store'>,
): { store: HoldStore; redis?: Redis } {
  if (board === 'redis') return { redis, store };
  if (board === 'postgres') return { store };
  const kept =
    memory.get(pool) ?? new MemoryStore({ query: async () => ({ rows: [], rowCount: 0 }) });
  memory.set(pool, kept);
  return { store: kept };
}

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

type Overrides = Partial<HoldPoolOptions> & { redisUrl?: string; board?: BoardKind };

/** A pool on clients of its own, closed when the test ends. */
export function makePool(
  name: string,
  { redisUrl, board = 'redis', ...overrides }: Overrides = {},
) {
  const own = clients(redisUrl);
  const options = { ...boardOptions(board, name, own), ...overrides };
  const pool = new HoldPool({ pool: name, ...options });
  onTestFinished(() => pool.close());
  return { ...own, pool, store: options.store };
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

/** Resolves when the holds are in the journal, which is written a moment after they were granted. */
export async function journalled(pgPool: pg.Pool, ...holds: Hold[]): Promise<void> {
  const ids = holds.map(({ id }) => id);
  const found = async () => {
    const text = 'SELECT 1 FROM soft_hold.journal WHERE hold_id = ANY ($1)';
    return (await pgPool.query(text, [ids])).rowCount;
  };
  await expect.poll(found).toBe(ids.length);
}

export const noRows = async () => {};
