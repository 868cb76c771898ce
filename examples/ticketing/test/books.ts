/** What must be so after every test, whatever it has done: held against PostgreSQL, Redis and the provider. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldPool, PostgresStore } from '@evenkeel/soft-hold';
import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { verifySale } from '../launcher/verify-sale.ts';

/** what has begun ends within this, also on a busy machine */
const withinMs = 15_000;

type Books = {
  database: Pool;
  redisUrl: string;
  /** charges that were captured and not given back, by the provider's word */
  captured: () => Promise<number>;
};

/**
 * Nothing oversold, no seat twice, no paid order without its ticket; seats sold = tickets, charges captured = orders
 * paid, and in Redis free + held + sold = total as in PostgreSQL. Two counts that are of two moments agree once
 * nothing is under way between them, which is waited for; where the test has left an order under way, the later
 * step may only lag behind.
 *
 * @throws Error naming what is not so
 */
export async function booksAreWhole(books: Books): Promise<void> {
  const deadline = performance.now() + withinMs;
  const redis = new Redis(books.redisUrl);
  redis.on('error', () => {});
  try {
    for (;;) {
      const broken = await mistakes(books, redis).catch((error: Error) => [error]);
      if (broken.length === 0) return;
      if (performance.now() > deadline) {
        const [cause] = broken.filter((one) => one instanceof Error);
        throw new Error(`The sale is not whole: ${JSON.stringify(broken)}`, { cause });
      }
      await sleep(100);
    }
  } finally {
    redis.disconnect();
  }
}

async function mistakes({ database, captured }: Books, redis: Redis): Promise<object[]> {
  const proofs = await verifySale(database, await captured());
  const { rows } = await database.query<{ pool: string; isUnderWay: boolean }>(
    `select pool, exists (select from orders where state in ('processing', 'refunding')) as "isUnderWay"
     from soft_hold.pool`,
  );
  const mayLag = rows[0]?.isUnderWay ?? false;
  const broken: object[] = proofs.filter(({ found, expected }) =>
    mayLag ? found > expected : found !== expected,
  );
  const store = new PostgresStore(database);
  for (const { pool: name } of rows) {
    const pool = new HoldPool({ redis, store, pool: name });
    const { differences } = await pool.verify().finally(() => pool.close());
    broken.push(...differences);
  }
  return broken;
}
