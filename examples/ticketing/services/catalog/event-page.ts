import type { PgQueries } from '@evenkeel/health/postgres';
import type { Category, EventList, EventPage } from '../../contract.ts';

/** What the cache keeps of an event: the page without the time of the request. */
export type CatalogEvent = Omit<EventPage, 'serverNow'>;

/** The page as the database has it, or undefined. One round trip; categories by position. */
export async function loadEvent(
  database: PgQueries,
  slug: string,
): Promise<CatalogEvent | undefined> {
  const { rows } = await database.query<{
    title: string;
    tagline: string;
    venue: string;
    city: string;
    starts_at: Date;
    opens_at: Date | null;
    hasWaitingRoom: boolean;
    admitPerSecond: number;
    currency: string;
    categories: Category[];
  }>(
    `select title, tagline, venue, city, starts_at, currency, opens_at,
       has_waiting_room as "hasWaitingRoom", admit_per_second as "admitPerSecond",
       (select json_agg(json_build_object('sku', sku, 'name', name, 'priceCents', price_cents,
          'rows', (select json_agg(json_build_object('row', row, 'seats', seats) order by length(row), row)
                   from seat_rows r where r.event = c.event and r.sku = c.sku)) order by position)
        from categories c where c.event = e.slug) as categories
     from events e where slug = $1`,
    [slug],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { starts_at, opens_at, ...page } = row;
  const opensAt = opens_at?.toISOString() ?? null;
  return { slug, ...page, opensAt, startsAt: starts_at.toISOString() };
}

/** The soonest first. */
export async function listEvents(database: PgQueries): Promise<EventList['events']> {
  const { rows } = await database.query<EventList['events'][number] & { startsAt: Date }>(
    `select slug, title, venue, city, starts_at as "startsAt" from events
     order by starts_at, slug limit 1000`,
  );
  return rows.map((row) => ({ ...row, startsAt: new Date(row.startsAt).toISOString() }));
}

/** The category of a seat such as `C-12`, or undefined when the hall has no such seat. */
export function categoryOf(event: CatalogEvent, seat: string): Category | undefined {
  const [name, number] = seat.split('-');
  return event.categories.find(({ rows }) =>
    rows.some(({ row, seats }) => row === name && Number(number) <= seats),
  );
}

/** @throws RangeError when a seat is not of this hall */
export function priceOf(event: CatalogEvent, seats: readonly string[]): number {
  return seats.reduce((sum, seat) => {
    const category = categoryOf(event, seat);
    if (!category) throw new RangeError(`Expected a seat of ${event.slug}, got ${seat}`);
    return sum + category.priceCents;
  }, 0);
}
