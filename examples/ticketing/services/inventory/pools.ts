/** One hold pool an event: its categories are the SKUs, their seats are named. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Hold,
  HoldPool,
  type HoldState,
  HoldUnavailableError,
  PostgresStore,
  type Stock,
} from '@evenkeel/soft-hold';
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { insist } from '../insist.ts';
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
type Listener = (event: string, pool: HoldPool) => void;

const againAfterMs = 500;

export class Pools {
  readonly #options: PoolsOptions;
  readonly #store: PostgresStore;
  readonly #pools = new Map<string, Promise<HoldPool>>();
  readonly #listeners: Listener[] = [];

  constructor(options: PoolsOptions) {
    this.#options = options;
    this.#store = new PostgresStore(options.database);
  }

  /** Opens the sale of every event there is; one that is open already stays as it is. */
  async openAll(): Promise<void> {
    const { rows } = await this.#options.database.query<{ slug: string }>(
      'select slug from events',
    );
    await Promise.all(rows.map(({ slug }) => this.of(slug)));
  }

  /**
   * The same for a process that starts: a Redis that is gone or frozen is waited for, as by those that run already,
   * and PostgreSQL for a restart.
   */
  async openAllAtStart(onWait: (why: HoldUnavailableError) => void): Promise<void> {
    for (;;) {
      try {
        return await insist(() => this.openAll());
      } catch (error) {
        if (!(error instanceof HoldUnavailableError)) throw error;
        onWait(error);
        await sleep(againAfterMs);
      }
    }
  }

  /** The pool of an event, also of one that was created a moment ago. @throws ProblemError `not_found` */
  of(event: string): Promise<HoldPool> {
    let pool = this.#pools.get(event);
    if (!pool) {
      pool = this.#open(event);
      this.#pools.set(event, pool);
      // what cannot be opened now may be there the next time, and nonsense is not remembered
      pool.catch(() => this.#pools.delete(event));
    }
    return pool;
  }

  /** Calls `listener` with every pool that is open and every one that will be. */
  onOpen(listener: Listener): void {
    this.#listeners.push(listener);
    for (const [event, pool] of this.#pools) {
      pool.then((opened) => listener(event, opened)).catch(() => {});
    }
  }

  /** A hold that is not over. Its id does not tell the event: the few sales open at a time are asked. */
  async find(holdId: string): Promise<FoundHold | undefined> {
    return (await this.#findAmongOpen(holdId)) ?? this.#findAmongNew(holdId);
  }

  async close(): Promise<void> {
    const pools = await Promise.allSettled(this.#pools.values());
    await Promise.all(
      pools.map((pool) => (pool.status === 'fulfilled' ? pool.value.close() : undefined)),
    );
  }

  async #findAmongOpen(holdId: string): Promise<FoundHold | undefined> {
    for (const [event, opening] of this.#pools) {
      const hold = await (await opening).get(holdId);
      if (hold && isOpen(hold.state)) return { event, hold };
    }
    return undefined;
  }

  /** It may be of an event that another process has opened and this one has not heard of. */
  async #findAmongNew(holdId: string): Promise<FoundHold | undefined> {
    const known = this.#pools.size;
    await this.openAll();
    return this.#pools.size > known ? this.#findAmongOpen(holdId) : undefined;
  }

  async #open(event: string): Promise<HoldPool> {
    const stock = await readStock(this.#options.database, event);
    if (!stock) throw new ProblemError('not_found', 'There is no such event.');
    const { redis, namespace, ttlMs, graceMs, seatsPerBuyer } = this.#options;
    const pool = new HoldPool({
      redis,
      store: this.#store,
      pool: `${namespace}.${event}`,
      ttlMs,
      graceMs,
      limitPerHolder: seatsPerBuyer,
    });
    await pool.open(stock);
    for (const listener of this.#listeners) listener(event, pool);
    return pool;
  }
}

/** Neither released nor run out nor void. */
const isOpen = (state: HoldState) =>
  state === 'pending' || state === 'committing' || state === 'confirmed';

async function readStock(database: Pool, event: string): Promise<Stock | undefined> {
  // what cannot be an event is not looked up, so that nobody fills the table of pools with nonsense
  if (!/^[a-z0-9-]{1,64}$/.test(event)) return undefined;
  const { rows } = await database.query<{ stock: Stock | null }>(
    `select json_object_agg(sku, json_build_object('seats', seats)) as stock
     from (select sku, json_agg(row || '-' || number order by length(row), row, number) as seats
           from seat_rows, generate_series(1, seats) as number
           where event = $1 group by sku) as categories`,
    [event],
  );
  return rows[0]?.stock ?? undefined;
}
