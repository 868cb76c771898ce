/**
 * The payment of one order, safe to be killed anywhere and started again from the beginning:
 *
 *   intent row -> authorise -> decide and write the tickets -> capture
 *                     |                  |
 *                 declined          hold is dead -> give the money back
 *
 * Each arrow is idempotent by itself: the provider by the job's id, the decision by its row in
 * PostgreSQL, the capture by the charge. Money is taken only for tickets that exist; where the money was
 * let go by hand before it was taken, the tickets go too.
 */

import type { KeyObject } from 'node:crypto';
import {
  type JobContext,
  type JobQueue,
  NonRetryableError,
  type SqlExecutor,
} from '@evenkeel/async-jobs';
import { SpanKind } from '@opentelemetry/api';
import type { Pool } from 'pg';
import type { Order, OrderStep, Region } from '../../contract.ts';
import { Prepared } from '../database.ts';
import type { Pools } from '../inventory/pools.ts';
import { promiseMail } from '../notifications/mail-job.ts';
import { revokeOrder } from '../orders/cancel.ts';
import type { Charge } from '../orders/charge-job.ts';
import { issueTickets } from '../tickets/issue-tickets.ts';
import { inSpan } from '../tracing.ts';
import { type Authorisation, type PaymentProvider, ProviderRefusal } from './provider.ts';

export type ChargeDeps = {
  database: Pool;
  queue: JobQueue;
  pools: Pools;
  provider: PaymentProvider;
  ticketKey: KeyObject;
};

export type ChargeResult = { state: Exclude<Order['state'], 'processing'> };

export async function payOrder(
  deps: ChargeDeps,
  charge: Charge,
  ctx: JobContext,
): Promise<ChargeResult> {
  const { database, pools, provider } = deps;

  say(ctx, 20, 'charging');
  const price = await intend(database, charge.orderId, ctx.id);
  const { outcome, chargeId } = await authorise(provider, { ...charge, ...price }, ctx);
  if (outcome === 'declined') {
    // the hold stays the buyer's: another card may be better
    return ctx.tx((tx) => settle(tx, charge, { state: 'declined', payment: 'declined', chargeId }));
  }

  say(ctx, 60, 'deciding');
  const pool = await pools.of(charge.event);
  const { status } = await pool.commit(charge.hold, async (tx) => {
    await settle(tx, charge, { state: 'paid', payment: 'authorised', chargeId });
    await inSpan('tickets.issue', issueTickets, SpanKind.INTERNAL)(
      tx,
      charge.orderId,
      deps.ticketKey,
    );
    // the mail is promised by the transaction that sells, and sent when it can be
    const { orderId } = charge;
    const { region } = price;
    await promiseMail(deps.queue, { orderId, kind: 'confirmation', region }, tx);
  });
  if (status === 'expired' || status === 'void') {
    const payment = await provider.giveBack(chargeId, ctx.signal);
    return ctx.tx((tx) => settle(tx, charge, { state: 'expired', payment, chargeId }));
  }

  say(ctx, 90, 'ticketing');
  const isTaken = await capture(provider, chargeId, ctx);
  if (!isTaken) {
    return ctx.tx(async (tx) => {
      await revokeOrder(tx, deps.queue, charge.orderId);
      return { state: 'refunding' };
    });
  }
  await database.query(
    `update payments set state = 'captured', updated_at = now()
     where order_id = $1 and state = 'authorised'`,
    [charge.orderId],
  );
  return { state: 'paid' };
}

function say(ctx: JobContext, percent: number, step: OrderStep): void {
  ctx.progress(percent, step);
}

type Price = { amountCents: number; currency: string; region: Region };

const insertIntent = new Prepared(
  'insert-intent',
  `with intent as (
     insert into payments (order_id, idempotency_key, amount_cents)
     select id, $2, amount_cents from orders where id = $1
     on conflict (order_id) do nothing)
   select amount_cents as "amountCents", currency, region from orders where id = $1`,
);

/** Writes down what we are about to ask of the provider, before we ask. Again is the same. */
async function intend(database: Pool, orderId: string, idempotencyKey: string): Promise<Price> {
  const { rows } = await database.query<Price>(insertIntent, [orderId, idempotencyKey]);
  const [price] = rows;
  if (!price) throw new NonRetryableError(`There is no order ${orderId}`);
  return price;
}

async function authorise(
  provider: PaymentProvider,
  { orderId, amountCents, currency, card }: Charge & Price,
  ctx: JobContext,
): Promise<Authorisation> {
  try {
    const request = { reference: orderId, amountCents, currency, card };
    return await provider.authorise(request, { idempotencyKey: ctx.id, signal: ctx.signal });
  } catch (error) {
    throw givenUp(error);
  }
}

/** False when the charge is not there to be taken any more: voided, or given back. */
async function capture(
  provider: PaymentProvider,
  chargeId: string,
  ctx: JobContext,
): Promise<boolean> {
  try {
    await provider.capture(chargeId, ctx.signal);
    return true;
  } catch (error) {
    if (error instanceof ProviderRefusal && error.status === 409) return false;
    throw givenUp(error);
  }
}

/** What the provider refuses to do it refuses again: to the dead letters with it, for people to look at. */
function givenUp(error: unknown): unknown {
  if (!(error instanceof ProviderRefusal)) return error;
  return new NonRetryableError(error.message, { cause: error });
}

const settleOrder = new Prepared(
  'settle-order',
  `update orders set state = $2, completed_at = now() where id = $1 and state = 'processing'`,
);
const settlePayment = new Prepared(
  'settle-payment',
  'update payments set state = $2, charge_id = $3, updated_at = now() where order_id = $1',
);

/** What became of the order and its payment, in the transaction that makes it so. */
async function settle(
  tx: SqlExecutor,
  { orderId }: Charge,
  end: { state: ChargeResult['state']; payment: string; chargeId: string },
): Promise<ChargeResult> {
  const { rowCount } = await tx.query(settleOrder, [orderId, end.state]);
  if (rowCount !== 1) throw new Error(`Order ${orderId} was settled by someone else`);
  await tx.query(settlePayment, [orderId, end.payment, end.chargeId]);
  return { state: end.state };
}
