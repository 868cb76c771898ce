/** Cancelling: the tickets are void at once, the money follows, or has gone before. */
import type { JobQueue, SqlExecutor } from '@evenkeel/async-jobs';
import type { Pool } from 'pg';
import { audit } from '../audit.ts';
import { transaction } from '../database.ts';
import { ProblemError } from '../problem.ts';
import { refundJob } from './refund-job.ts';

/**
 * Twice is once. The tickets' rows are locked here and by a scan, so that a ticket is either used or
 * given back.
 * @param actor who wants it; with `onlyOwn` the order must be theirs
 * @throws ProblemError `not_found`, `conflict` for an order that is not paid or a ticket that is used
 */
export async function cancelOrder(
  { database, queue }: { database: Pool; queue: JobQueue },
  orderId: string,
  { actor, onlyOwn }: { actor: string; onlyOwn: boolean },
): Promise<void> {
  await transaction(database, async (tx) => {
    const { rows } = await tx.query<{ userId: string; state: string }>(
      'select user_id as "userId", state from orders where id = $1 for update',
      [orderId],
    );
    const [order] = rows;
    if (!order || (onlyOwn && order.userId !== actor)) {
      throw new ProblemError('not_found', 'There is no such order.');
    }
    if (order.state === 'refunding' || order.state === 'refunded') return;
    if (order.state !== 'paid') {
      throw new ProblemError('conflict', 'Only an order that is paid can be cancelled.');
    }
    if ((await voidUnused(tx, orderId)) > 0) {
      throw new ProblemError('conflict', 'One of the tickets has been used at the door.');
    }
    await refundLater(tx, queue, orderId);
    const details = { by: onlyOwn ? 'buyer' : 'organiser' };
    await audit(tx, { actor, action: 'order.cancel', subject: orderId, details });
  });
}

/**
 * The money of a paid order went back without us: by hand at the provider, or by a bank. What a cancellation does
 * follows, but for a ticket that somebody has come in by, which cannot be undone: it stays used, and its order's seats
 * stay sold. An order that is not paid, or not any more, stays as it is. In the transaction of who heard of it.
 */
export async function revokeOrder(
  tx: SqlExecutor,
  queue: JobQueue,
  orderId: string,
): Promise<void> {
  const order = await tx.query(`select from orders where id = $1 and state = 'paid' for update`, [
    orderId,
  ]);
  if (order.rowCount === 0) return;
  const used = await voidUnused(tx, orderId);
  await refundLater(tx, queue, orderId);
  const details = { by: 'provider', used };
  await audit(tx, { actor: 'psp', action: 'order.cancel', subject: orderId, details });
}

/** Returns how many tickets of the order had been used, and are left. */
async function voidUnused(tx: SqlExecutor, orderId: string): Promise<number> {
  await tx.query('select from tickets where order_id = $1 for update', [orderId]);
  // statements of their own: only those that begin after the lock was got see the scan before it
  const voided = await tx.query(
    `update tickets t set voided_at = now() where order_id = $1
       and not exists (select from admissions a where a.ticket_id = t.id)`,
    [orderId],
  );
  const all = await tx.query('select from tickets where order_id = $1', [orderId]);
  return (all.rowCount ?? 0) - (voided.rowCount ?? 0);
}

async function refundLater(tx: SqlExecutor, queue: JobQueue, orderId: string): Promise<void> {
  await tx.query(`update orders set state = 'refunding', cancelled_at = now() where id = $1`, [
    orderId,
  ]);
  await queue.enqueue(refundJob, { orderId }, { idempotencyKey: `refund.${orderId}`, tx });
}
