/** A cancelled order: its seats go back on sale, its money goes back to the buyer. */
import { type JobContext, type JobQueue, NonRetryableError } from '@evenkeel/async-jobs';
import type { Pool } from 'pg';
import { audit } from '../audit.ts';
import { mailJob, mailKey } from '../notifications/mail-job.ts';
import type { Refund } from '../orders/refund-job.ts';
import type { PaymentProvider } from './provider.ts';

export type RefundDeps = { database: Pool; queue: JobQueue; provider: PaymentProvider };

/** Each step may be repeated; a refund job comes after its order's charge job, never beside it. */
export async function refundOrder(
  { database, queue, provider }: RefundDeps,
  { orderId }: Refund,
  ctx: JobContext,
): Promise<{ state: 'refunded' }> {
  const { rows } = await database.query<{ chargeId: string | null }>(
    'select charge_id as "chargeId" from payments where order_id = $1',
    [orderId],
  );
  const chargeId = rows[0]?.chargeId;
  if (!chargeId) throw new NonRetryableError(`Order ${orderId} has no charge to give back`);
  const payment = await provider.giveBack(chargeId, ctx.signal);
  return ctx.tx(async (tx) => {
    await tx.query('update payments set state = $2, updated_at = now() where order_id = $1', [
      orderId,
      payment,
    ]);
    await tx.query(`update orders set state = 'refunded' where id = $1 and state = 'refunding'`, [
      orderId,
    ]);
    await audit(tx, { actor: 'payments', action: 'order.refunded', subject: orderId });
    const mail = { orderId, kind: 'refund' } as const;
    await queue.enqueue(mailJob, mail, { idempotencyKey: mailKey(mail), tx });
    return { state: 'refunded' as const };
  });
}
