import { type KeyObject, randomUUID } from 'node:crypto';
import type { SqlExecutor } from '@evenkeel/async-jobs';
import { Prepared } from '../database.ts';
import { signTicket } from './ticket-code.ts';

const selectSeats = new Prepared(
  'select-seats',
  `select o.event, seat, r.sku from orders o, unnest(o.seats) as seat
   join seat_rows r on r.row = split_part(seat, '-', 1)
   where o.id = $1 and r.event = o.event`,
);
const insertTickets = new Prepared(
  'insert-tickets',
  `insert into tickets (id, order_id, event, seat, sku, code)
   select id, $1, event, seat, sku, code
   from json_to_recordset($2) as t(id uuid, event text, seat text, sku text, code text)`,
);

/** Writes the signed tickets of an order, in the transaction that sells its seats. */
export async function issueTickets(
  tx: SqlExecutor,
  orderId: string,
  key: KeyObject,
): Promise<void> {
  const { rows } = await tx.query(selectSeats, [orderId]);
  const tickets = (rows as { event: string; seat: string; sku: string }[]).map((row) => {
    const id = randomUUID();
    const { event, seat } = row;
    return { ...row, id, code: signTicket({ ticket: id, order: orderId, event, seat }, key) };
  });
  await tx.query(insertTickets, [orderId, JSON.stringify(tickets)]);
}
