import type { Pool } from 'pg';
import type { NewEvent } from '../../contract.ts';
import { audit } from '../audit.ts';
import { transaction } from '../database.ts';

/** `actor`: who puts it on sale. False when there is an event of this name already; two that try at a time are one that does. */
export function insertEvent(database: Pool, event: NewEvent, actor: string): Promise<boolean> {
  return transaction(database, async (tx) => {
    const { slug, title, tagline, venue, city, startsAt, currency, categories } = event;
    const { rowCount } = await tx.query(
      `insert into events (slug, title, tagline, venue, city, starts_at, currency, opens_at,
         has_waiting_room, admit_per_second)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing`,
      [
        slug,
        title,
        tagline,
        venue,
        city,
        startsAt,
        currency,
        event.opensAt,
        event.hasWaitingRoom,
        event.admitPerSecond,
      ],
    );
    if (rowCount === 0) return false;
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
    await audit(tx, { actor, action: 'event.create', subject: slug });
    return true;
  });
}
