/** The proof after whatever happened: SQL counts what was sold, and the provider's books are held against it. */
import type { Pool } from 'pg';

export type Proof = { what: string; found: number; expected: number; holds: boolean };

/**
 * `captured`: charges that the provider has taken money for and not given back. The seats of an order that somebody has
 * come in by stay sold, also when the money of it went back.
 */
export async function verifySale(database: Pool, captured: number): Promise<Proof[]> {
  const { rows } = await database.query<{
    oversold: number;
    twice: number;
    ticketless: number;
    sold: number;
    tickets: number;
    paid: number;
  }>(
    `select
       (select count(*)::int from soft_hold.sku where sold > total) as oversold,
       (select count(*)::int from (select from tickets where voided_at is null
          group by event, seat having count(*) > 1) as t) as twice,
       (select count(*)::int from orders o where state = 'paid' and not exists
          (select from tickets t where t.order_id = o.id and t.voided_at is null)) as ticketless,
       (select coalesce(sum(sold), 0)::int from soft_hold.sku)
         - (select count(*)::int from withheld_seats) as sold,
       (select count(*)::int from tickets t join orders o on o.id = t.order_id
          where t.voided_at is null or o.state = 'refunding' or exists (select from tickets u
            where u.order_id = o.id and u.voided_at is null)) as tickets,
       (select count(*)::int from orders where state in ('paid', 'refunding')) as paid`,
  );
  const [row] = rows;
  if (!row) throw new Error('PostgreSQL answered nothing');
  const proof = (what: string, found: number, expected: number): Proof => ({
    what,
    found,
    expected,
    holds: found === expected,
  });
  return [
    proof('categories sold beyond their seats', row.oversold, 0),
    proof('seats with two valid tickets', row.twice, 0),
    proof('paid orders without a ticket', row.ticketless, 0),
    proof('units sold, against tickets', row.sold, row.tickets),
    proof('charges captured, against paid orders', captured, row.paid),
  ];
}
