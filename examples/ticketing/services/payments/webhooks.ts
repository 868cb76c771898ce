/** What the payment provider tells unasked: believed when it is signed, heard once, in any order. */
import type { JobQueue } from '@evenkeel/async-jobs';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { api } from '../../api.ts';
import type { PspEvent } from '../../contract.ts';
import { audit } from '../audit.ts';
import { transaction } from '../database.ts';
import { revokeOrder } from '../orders/cancel.ts';
import { ProblemError } from '../problem.ts';
import { bind } from '../route.ts';
import { distrust } from './webhook-signature.ts';

type Hearing = { database: Pool; queue: JobQueue };

export function webhookRoutes(
  app: FastifyInstance,
  { secret, ...deps }: Hearing & { secret: string | undefined },
): void {
  const { database } = deps;
  bind(app, undefined, api.pspWebhook, async ({ body: event, request }) => {
    const header = String(request.headers['psp-signature'] ?? '');
    const reason =
      secret === undefined
        ? 'no secret'
        : distrust(header, request.rawBody ?? '', secret, Date.now());
    if (reason) {
      const details = { reason, address: request.ip, type: event.type };
      await audit(database, {
        actor: 'payments',
        action: 'webhook.refused',
        subject: event.id,
        details,
      });
      throw new ProblemError('unauthorized', 'This webhook is not signed as it should be.');
    }
    await hear(deps, event);
    return undefined;
  });
}

/** A payment moves only to a higher rank, so that what comes late or twice changes nothing. */
const ranks = { intended: 0, authorised: 1, captured: 2, declined: 3, voided: 3, refunded: 3 };

/**
 * Twice is once; of several events of a charge the latest sequence counts. Money that was let go by somebody else than
 * our refund job takes the tickets with it.
 */
async function hear({ database, queue }: Hearing, event: PspEvent): Promise<void> {
  await transaction(database, async (tx) => {
    const { rowCount } = await tx.query(
      `insert into psp_events (id, type, charge_id, sequence) values ($1, $2, $3, $4)
       on conflict do nothing`,
      [event.id, event.type, event.charge.id, event.sequence],
    );
    if (rowCount === 0) return;
    const { rows } = await tx.query<{ orderId: string; state: keyof typeof ranks; latest: string }>(
      `select p.order_id as "orderId", p.state,
         (select type from psp_events where charge_id = $1 order by sequence desc limit 1) as latest
       from payments p where p.charge_id = $1 for update`,
      [event.charge.id],
    );
    const [payment] = rows;
    // of a charge that we have not settled yet we shall ask ourselves
    if (!payment) return;
    const state = payment.latest.replace('charge.', '') as keyof typeof ranks;
    if (ranks[state] <= ranks[payment.state]) return;
    await tx.query('update payments set state = $2, updated_at = now() where order_id = $1', [
      payment.orderId,
      state,
    ]);
    if (state === 'refunded' || state === 'voided') await revokeOrder(tx, queue, payment.orderId);
    const details = { from: payment.state, to: state };
    await audit(tx, { actor: 'psp', action: 'payment.told', subject: payment.orderId, details });
  });
}
