/** One hold pool an event: its categories are the SKUs, their seats are named. */
import {
  type Hold,
  HoldPool,
  type HoldState,
  PostgresStore,
  type Stock,
} from '@evenkeel/soft-hold';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { ProblemError } from '../problem.ts';

export type PoolsOptions = {
  redis: Redis;
  database: Pool;
  /** begins the pools' names, and with them their keys in Redis */
  namespace: string;
  ttlMs: number;
  graceMs: number;
  seatsPerBuyer: number;
};

export type FoundHold = { event: string; hold: Hold };

export class Pools {
  readonly #pools: ReadonlyMap<string, HoldPool>;

  private constructor(pools: ReadonlyMap<string, HoldPool>) {
    this.#pools = pools;
  }

  /** Opens the sale of every event there is; one that is open already stays as it is. */
  static async open(options: PoolsOptions): Promise<Pools> {
    const store = new PostgresStore(options.database);
    await store.migrate();
    const pools = new Map<string, HoldPool>();
    for (const [event, stock] of await readStock(options.database)) {
      const pool = new HoldPool({
        redis: options.redis,
        store,
        pool: `${options.namespace}.${event}`,
        ttlMs: options.ttlMs,
        graceMs: options.graceMs,
        limitPerHolder: options.seatsPerBuyer,
      });
      pools.set(event, pool);
      await pool.open(stock);
    }
    return new Pools(pools);
  }

  /** @throws ProblemError `not_found` */
  of(event: string): HoldPool {
    const pool = this.#pools.get(event);
    if (pool) return pool;
    throw new ProblemError('not_found', 'There is no such event.');
  }

  all(): Iterable<[event: string, pool: HoldPool]> {
    return this.#pools.entries();
  }

  /** A hold that is not over. Its id does not tell the event: the few sales open at a time are asked. */
  async find(holdId: string): Promise<FoundHold | undefined> {
    for (const [event, pool] of this.#pools) {
      const hold = await pool.get(holdId);
      if (hold && isOpen(hold.state)) return { event, hold };
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }
}

/** Neither released nor run out nor void. */
const isOpen = (state: HoldState) =>
  state === 'pending' || state === 'committing' || state === 'confirmed';

async function readStock(database: Pool): Promise<Map<string, Stock>> {
  const { rows } = await database.query<{ event: string; stock: Stock }>(
    `select event, json_object_agg(sku, json_build_object('seats', seats)) as stock
     from (select event, sku, json_agg(row || '-' || number order by row, number) as seats
           from seat_rows, generate_series(1, seats) as number group by event, sku) as categories
     group by event`,
  );
  return new Map(rows.map(({ event, stock }) => [event, stock]));
}
