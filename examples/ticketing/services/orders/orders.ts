/** Orders in the database: taken together with their payment job, read with their tickets. */
import type { JobQueue } from '@evenkeel/async-jobs';
import type { Pool } from 'pg';
import type { Caller, Order, OrderRequest } from '../../contract.ts';
import { Prepared, transaction } from '../database.ts';
import { ProblemError } from '../problem.ts';
import { type Charge, chargeJob } from './charge-job.ts';

const insertOrder = new Prepared(
  'insert-order',
  `insert into orders
     (id, user_id, hold_id, job_id, event, seats, amount_cents, currency, region)
   select $1, $2, $3, $4, e.slug, $6, sum(c.price_cents), e.currency, $7
   from unnest($6::text[]) as wanted(seat)
   join seat_rows r on r.event = $5 and r.row = split_part(seat, '-', 1)
   join categories c on c.event = r.event and c.sku = r.sku
   join events e on e.slug = r.event
   group by e.slug returning amount_cents as "amountCents"`,
);

type NewOrder = {
  request: OrderRequest;
  user: Caller;
  event: string;
  hold: Charge['hold'];
  seats: string[];
};

/**
 * The order's row and the job that will pay it, in one transaction: there is never one without the
 * other, whichever process dies when. The amount is by the price list as it stands in that very
 * transaction. Asking again with the same id changes nothing.
 *
 * @throws ProblemError `conflict` when the hold is being paid already, `price_changed`
 * @throws IdempotencyConflictError when the order was placed at the same moment by a twin request
 */
export async function placeOrder(
  deps: { database: Pool; queue: JobQueue },
  { request, user, event, hold, seats }: NewOrder,
): Promise<void> {
  const charge: Charge = { orderId: request.id, event, hold, card: request.card };
  try {
    await transaction(deps.database, async (tx) => {
      const job = await deps.queue.enqueue(chargeJob, charge, { idempotencyKey: request.id, tx });
      if (job.deduplicated) return;
      const { rows } = await tx.query<{ amountCents: number }>(insertOrder, [
        request.id,
        user.id,
        hold.id,
        job.id,
        event,
        seats,
        user.region,
      ]);
      const [price] = rows;
      if (!price) throw new Error(`${event} has no price for ${seats.join(', ')}`);
      const { amountCents: seen = price.amountCents } = request;
      if (seen !== price.amountCents) {
        const message = 'The price has changed meanwhile. Please look at it again.';
        throw new ProblemError('price_changed', message);
      }
    });
  } catch (error) {
    if ((error as { constraint?: string }).constraint === 'orders_hold') {
      throw new ProblemError('conflict', 'These seats are being paid for already.');
    }
    throw error;
  }
}

const selectOwner = new Prepared(
  'select-owner',
  'select user_id as "userId", hold_id as "holdId" from orders where id = $1',
);

/** Whose order this is and for which hold, before anything else is asked; undefined for a new id. */
export async function findOrder(
  database: Pool,
  id: string,
): Promise<{ userId: string; holdId: string } | undefined> {
  const { rows } = await database.query<{ userId: string; holdId: string }>(selectOwner, [id]);
  return rows[0];
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

const selectOrder = new Prepared(
  'select-order',
  `select o.id, o.event, e.title, o.state, o.seats, o.amount_cents as "amountCents", o.currency,
     o.created_at as "createdAt", o.completed_at as "completedAt",
     o.user_id as "userId", o.hold_id as "holdId", o.job_id as "jobId",
     coalesce((select json_agg(json_build_object(
         'id', t.id, 'seat', t.seat, 'category', c.name, 'code', t.code)
         order by array_position(o.seats, t.seat))
       from tickets t join categories c on c.event = t.event and c.sku = t.sku
       where t.order_id = o.id and t.voided_at is null), '[]') as tickets
   from orders o join events e on e.slug = o.event where o.id = $1`,
);

/** One round trip. An order in progress is said to be `queued`: how far it is, the job knows. */
export async function readOrder(database: Pool, id: string): Promise<StoredOrder | undefined> {
  const { rows } = await database.query<OrderRow>(selectOrder, [id]);
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
