/** What must be so after every test, whatever it has done: held against PostgreSQL, Redis and the provider. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldPool, PostgresStore } from '@evenkeel/soft-hold';
import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { verifySale } from '../launcher/verify-sale.ts';

/** what has begun ends within this, also on a busy machine */
const withinMs = 15_000;

export type BooksOptions = {
  database: Pool;
  redisUrl: string;
  /** charges that were captured and not given back, by the provider's word */
  captured: () => Promise<number>;
};

export class Books {
  readonly #database: Pool;
  readonly #redis: Redis;
  readonly #captured: () => Promise<number>;
  readonly #pools = new Map<string, HoldPool>();

  constructor({ database, redisUrl, captured }: BooksOptions) {
    this.#database = database;
    this.#captured = captured;
    this.#redis = new Redis(redisUrl);
    this.#redis.on('error', () => {});
  }

  /**
   * Nothing oversold, no seat twice, no paid order without its ticket; seats sold = tickets, charges captured =
   * orders paid, and in Redis free + held + sold = total as in PostgreSQL. Two counts that are of two moments agree
   * once nothing is under way between them, which is waited for; where the test has left an order under way, the
   * later step may only lag behind.
   *
   * @throws Error naming what is not so
   */
  async areWhole(): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const broken = await this.#mistakes().catch((error: Error) => [error]);
      if (broken.length === 0) return;
      if (performance.now() > deadline) {
        const [cause] = broken.filter((one) => one instanceof Error);
        throw new Error(`The sale is not whole: ${JSON.stringify(broken)}`, { cause });
      }
      await sleep(100);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
    this.#redis.disconnect();
  }

  async #mistakes(): Promise<object[]> {
    const proofs = await verifySale(this.#database, await this.#captured());
    const { rows } = await this.#database.query<{ pool: string; isUnderWay: boolean }>(
      `select pool, exists (select from orders where state in ('processing', 'refunding')) as "isUnderWay"
       from soft_hold.pool`,
    );
    const mayLag = rows[0]?.isUnderWay ?? false;
    const broken: object[] = proofs.filter(({ found, expected }) =>
      mayLag ? found > expected : found !== expected,
    );
    for (const { pool } of rows) {
      const { differences } = await this.#poolOf(pool).verify();
      broken.push(...differences);
    }
    return broken;
  }

  #poolOf(name: string): HoldPool {
    let pool = this.#pools.get(name);
    if (!pool) {
      const store = new PostgresStore(this.#database);
      pool = new HoldPool({ redis: this.#redis, store, pool: name });
      this.#pools.set(name, pool);
    }
    return pool;
  }
}
