/** Cancelling: the tickets are void at once, the money follows. */
import type { JobQueue } from '@evenkeel/async-jobs';
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
    await tx.query('select from tickets where order_id = $1 for update', [orderId]);
    // a statement of its own: only one that begins after the lock was got sees the scan before it
    const used = await tx.query(
      'select from admissions a join tickets t on t.id = a.ticket_id where t.order_id = $1',
      [orderId],
    );
    if (used.rowCount !== 0) {
      throw new ProblemError('conflict', 'One of the tickets has been used at the door.');
    }
    await tx.query('update tickets set voided_at = now() where order_id = $1', [orderId]);
    await tx.query(`update orders set state = 'refunding', cancelled_at = now() where id = $1`, [
      orderId,
    ]);
    await queue.enqueue(refundJob, { orderId }, { idempotencyKey: `refund.${orderId}`, tx });
    const details = { by: onlyOwn ? 'buyer' : 'organiser' };
    await audit(tx, { actor, action: 'order.cancel', subject: orderId, details });
  });
}
