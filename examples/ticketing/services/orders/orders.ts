/** Orders in the database: taken together with their payment job, read with their tickets. */
import type { JobQueue } from '@evenkeel/async-jobs';
import type { Pool, PoolClient } from 'pg';
import type { Order, OrderRequest } from '../../contract.ts';
import { transaction } from '../database.ts';
import { ProblemError } from '../problem.ts';
import { type Charge, chargeJob } from './charge-job.ts';

/** What an order costs by the price list as it stands in this very transaction. */
async function price(
  tx: PoolClient,
  event: string,
  seats: readonly string[],
): Promise<{ amountCents: number; currency: string }> {
  const { rows } = await tx.query<{ amount: number; currency: string }>(
    `select sum(c.price_cents)::int as amount, e.currency
     from unnest($2::text[]) as wanted(seat)
     join seat_rows r on r.event = $1 and r.row = split_part(seat, '-', 1)
     join categories c on c.event = r.event and c.sku = r.sku
     join events e on e.slug = r.event
     group by e.currency`,
    [event, seats],
  );
  const row = rows[0];
  if (!row) throw new Error(`${event} has no price for ${seats.join(', ')}`);
  return { amountCents: row.amount, currency: row.currency };
}

/**
 * The order's row and the job that will pay it, in one transaction: there is never one without the
 * other, whichever process dies when. Asking again with the same id changes nothing.
 *
 * @throws ProblemError `conflict` when the id is another order's, or the hold is being paid already
 */
export async function placeOrder(
  deps: { database: Pool; queue: JobQueue },
  order: {
    request: OrderRequest;
    userId: string;
    event: string;
    hold: Charge['hold'];
    seats: string[];
  },
): Promise<void> {
  const { request, userId, event, hold, seats } = order;
  try {
    await transaction(deps.database, async (tx) => {
      const { amountCents, currency } = await price(tx, event, seats);
      const ticket = await deps.queue.enqueue(
        chargeJob,
        {
          orderId: request.id,
          event,
          hold,
          amountCents,
          currency,
          card: request.card,
        },
        { idempotencyKey: request.id, tx },
      );
      if (ticket.deduplicated) return;
      await tx.query(
        `insert into orders (id, user_id, event, hold_id, job_id, seats, amount_cents, currency)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [request.id, userId, event, hold.id, ticket.id, seats, amountCents, currency],
      );
    });
  } catch (error) {
    if ((error as { constraint?: string }).constraint === 'orders_hold') {
      throw new ProblemError('conflict', 'These seats are being paid for already.');
    }
    throw error;
  }
}

type OrderRow = Omit<Order, 'step' | 'createdAt' | 'completedAt'> & {
  createdAt: Date;
  completedAt: Date | null;
  userId: string;
  holdId: string;
  jobId: string;
};
/** An order with what only the services may know. */
export type StoredOrder = { order: Order; userId: string; holdId: string; jobId: string };

/** One round trip. An order in progress is said to be `queued`: how far it is, the job knows. */
export async function readOrder(database: Pool, id: string): Promise<StoredOrder | undefined> {
  const { rows } = await database.query<OrderRow>(
    `select o.id, o.event, e.title, o.state, o.seats, o.amount_cents as "amountCents", o.currency,
       o.created_at as "createdAt", o.completed_at as "completedAt",
       o.user_id as "userId", o.hold_id as "holdId", o.job_id as "jobId",
       coalesce((select json_agg(json_build_object(
           'id', t.id, 'seat', t.seat, 'category', c.name, 'code', t.code)
           order by array_position(o.seats, t.seat))
         from tickets t join categories c on c.event = t.event and c.sku = t.sku
         where t.order_id = o.id), '[]') as tickets
     from orders o join events e on e.slug = o.event where o.id = $1`,
    [id],
  );
  const row = rows[0];
  if (!row) return undefined;
  const { userId, holdId, jobId, createdAt, completedAt, ...rest } = row;
  const order: Order = {
    ...rest,
    step: rest.state === 'processing' ? 'queued' : 'done',
    createdAt: createdAt.toISOString(),
    completedAt: completedAt?.toISOString() ?? null,
  };
  return { order, userId, holdId, jobId };
}
