/** A cancelled order: its seats go back on sale, its money goes back to the buyer. */
import { type JobContext, type JobQueue, NonRetryableError } from '@evenkeel/async-jobs';
import type { Pool } from 'pg';
import type { Region } from '../../contract.ts';
import { audit } from '../audit.ts';
import type { Pools } from '../inventory/pools.ts';
import { promiseMail } from '../notifications/mail-job.ts';
import type { Refund } from '../orders/refund-job.ts';
import type { PaymentProvider } from './provider.ts';

export type RefundDeps = {
  database: Pool;
  queue: JobQueue;
  pools: Pools;
  provider: PaymentProvider;
};

/** Each step may be repeated; a refund job comes after its order's charge job, never beside it. */
export async function refundOrder(
  { database, queue, pools, provider }: RefundDeps,
  { orderId }: Refund,
  ctx: JobContext,
): Promise<{ state: 'refunded' }> {
  const { rows } = await database.query<{
    chargeId: string | null;
    region: Region;
    event: string;
    holdId: string;
    isUsed: boolean;
  }>(
    `select p.charge_id as "chargeId", o.region, o.event, o.hold_id as "holdId",
       exists (select from tickets t where t.order_id = o.id and t.voided_at is null) as "isUsed"
     from payments p join orders o on o.id = p.order_id where o.id = $1`,
    [orderId],
  );
  const [order] = rows;
  const chargeId = order?.chargeId;
  if (!order || !chargeId)
    throw new NonRetryableError(`Order ${orderId} has no charge to give back`);
  // the seats first: somebody may want them now, and the bank has time
  if (!order.isUsed) {
    const pool = await pools.of(order.event);
    await pool.return({ id: order.holdId }, async (tx) => {
      await audit(tx, { actor: 'payments', action: 'seats.returned', subject: orderId });
    });
  }
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
    await promiseMail(queue, { orderId, kind: 'refund', region: order.region }, tx);
    return { state: 'refunded' as const };
  });
}
