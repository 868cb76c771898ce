/**
 * How many seats of a category are on sale, changed while it is sold. A seat that is taken off is sold to the
 * house, by the same hold and the same decision in PostgreSQL as any other: so it is never one that
 * somebody has, and nobody gets it meanwhile.
 */
import { randomUUID } from 'node:crypto';
import type { HoldPool } from '@evenkeel/soft-hold';
import type { Pool } from 'pg';
import { audit } from '../audit.ts';
import { ProblemError } from '../problem.ts';
import type { Pools } from './pools.ts';

export type CapacityChange = { slug: string; sku: string; seats: number; actor: string };
const atATime = 8;

/**
 * The same number again changes nothing; what was done before a failure stays done.
 * @returns how many are on sale now
 * @throws ProblemError `not_found`, `invalid_input` above what the hall has, `conflict` below what is held and sold
 */
export async function changeCapacity(
  { database, pools }: { database: Pool; pools: Pools },
  { slug, sku, seats: wanted, actor }: CapacityChange,
): Promise<number> {
  const pool = await pools.of(slug);
  const { skus } = await pool.available({ seats: true });
  const stock = skus[sku];
  if (!stock?.seats) throw new ProblemError('not_found', 'There is no such category.');
  if (wanted > stock.total) {
    const fields = { seats: `the hall has ${stock.total} there` };
    throw new ProblemError('invalid_input', `There are only ${stock.total} seats.`, { fields });
  }
  const { rows: withheld } = await database.query<{ holdId: string }>(
    `select hold_id as "holdId" from withheld_seats where event = $1 and sku = $2
     order by withheld_at desc, hold_id`,
    [slug, sku],
  );
  const now = stock.total - withheld.length;
  const least = stock.held + stock.sold - withheld.length;
  if (wanted < least) {
    const message = `${least} seats are held or sold: there cannot be fewer.`;
    throw new ProblemError('conflict', message);
  }
  // the last seats first: the best ones stay on sale
  const free = Object.entries(stock.seats)
    .filter(([, state]) => state === 'free')
    .map(([seat]) => seat)
    .reverse();
  let changed = 0;
  if (wanted < now) {
    const taken = await lanes(free.slice(0, now - wanted), (seat) =>
      withhold(pool, { slug, sku, seat }),
    );
    changed = -taken.filter(Boolean).length;
  } else {
    await lanes(withheld.slice(0, wanted - now), ({ holdId }) =>
      pool.return({ id: holdId }, async (tx) => {
        await tx.query('delete from withheld_seats where hold_id = $1', [holdId]);
      }),
    );
    changed = wanted - now;
  }
  if (changed !== 0) {
    const details = { from: now, to: now + changed };
    await audit(database, { actor, action: 'capacity.change', subject: `${slug}/${sku}`, details });
  }
  return now + changed;
}

/** False when a buyer was faster. */
async function withhold(
  pool: HoldPool,
  { slug, sku, seat }: { slug: string; sku: string; seat: string },
): Promise<boolean> {
  // a holder of its own: the house has no limit of seats
  const id = randomUUID();
  const held = await pool.hold({ id, holder: id, items: [{ sku, seats: [seat] }] });
  if (held.status !== 'held') return false;
  const { status } = await pool.commit(held.hold, async (tx) => {
    await tx.query(
      'insert into withheld_seats (hold_id, event, sku, seat) values ($1, $2, $3, $4)',
      [id, slug, sku, seat],
    );
  });
  return status === 'sold' || status === 'already_sold';
}

async function lanes<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: atATime }, lane));
  return results;
}
