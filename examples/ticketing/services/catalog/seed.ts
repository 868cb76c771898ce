/** The first night of a house that exists only here, and an account to try it with. */
import type { Pool } from 'pg';
import { demoAccount, featuredEvent } from '../../addresses.ts';
import type { Category } from '../../contract.ts';
import { insertUser } from '../auth/users.ts';
import { transaction } from '../database.ts';

export const firstNight = {
  slug: featuredEvent,
  title: 'Northern Lights',
  tagline: 'An opera in three storms. First night.',
  venue: 'Lantern House',
  city: 'Port Merrow',
  currency: 'EUR',
};

/** 300 seats: a short front, a wide middle, two rows high up. */
const categories: Category[] = [
  {
    sku: 'front',
    name: 'Front stalls',
    priceCents: 14_500,
    rows: rows({ A: 16, B: 18, C: 20, D: 20 }),
  },
  {
    sku: 'stalls',
    name: 'Stalls',
    priceCents: 9_500,
    rows: rows({ E: 22, F: 22, G: 24, H: 24, J: 24 }),
  },
  {
    sku: 'balcony',
    name: 'Balcony',
    priceCents: 5_500,
    rows: rows({ K: 22, L: 22, M: 22, N: 24, P: 20 }),
  },
];

/** Adds what is not there yet: twice is once, and two processes at a time are one. */
export async function seed(
  database: Pool,
  demoPasswordHash: (() => Promise<string>) | undefined,
): Promise<void> {
  await transaction(database, async (tx) => {
    const { slug, title, tagline, venue, city, currency } = firstNight;
    const { rowCount } = await tx.query(
      `insert into events (slug, title, tagline, venue, city, starts_at, currency)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
      [slug, title, tagline, venue, city, nextEvening(new Date()), currency],
    );
    if (rowCount === 0) return;
    for (const [position, { sku, name, priceCents, rows }] of categories.entries()) {
      await tx.query(
        'insert into categories (event, sku, name, price_cents, position) values ($1, $2, $3, $4, $5)',
        [slug, sku, name, priceCents, position],
      );
      await tx.query(
        `insert into seat_rows (event, row, sku, seats)
         select $1, row, $2, seats from unnest($3::text[], $4::int[]) as r(row, seats)`,
        [slug, sku, rows.map(({ row }) => row), rows.map(({ seats }) => seats)],
      );
    }
  });
  if (!demoPasswordHash) return;
  const { email, name } = demoAccount;
  const { rowCount } = await database.query('select from users where lower(email) = $1', [email]);
  if (rowCount === 0) {
    await insertUser(database, { email, name, passwordHash: await demoPasswordHash() });
  }
}

/** Half past seven, thirty days on: the demo is never about an evening that is over. */
function nextEvening(now: Date): Date {
  const evening = new Date(now.getTime() + 30 * 24 * 3_600_000);
  evening.setUTCHours(19, 30, 0, 0);
  return evening;
}

function rows(seats: Record<string, number>): Category['rows'] {
  return Object.entries(seats).map(([row, count]) => ({ row, seats: count }));
}
