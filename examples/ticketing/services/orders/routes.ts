/** `POST /orders` promises; the payments worker keeps the promise. */

import type { KeyObject } from 'node:crypto';
import { IdempotencyConflictError, type JobQueue } from '@evenkeel/async-jobs';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import { api } from '../../api.ts';
import type { OrderRequest } from '../../contract.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import type { HoldTraces } from '../inventory/hold-traces.ts';
import type { Holds } from '../inventory/holds.ts';
import { ProblemError } from '../problem.ts';
import { bind } from '../route.ts';
import { publishedKey } from '../tickets/ticket-code.ts';
import { cancelOrder } from './cancel.ts';
import { findOrder, placeOrder, readOrder, type StoredOrder } from './orders.ts';
import { currentOrder } from './progress.ts';

export type OrderReaders = { database: Pool; queue: JobQueue };
export type OrderDeps = OrderReaders & {
  holds: Holds;
  traces: HoldTraces;
  tokens: AccessTokens;
  ticketKey: KeyObject;
};

export function orderRoutes(app: FastifyInstance, deps: OrderDeps): void {
  const { database, queue, tokens } = deps;

  /** A second click, a second tab, a retry after a lost answer: the same purchase, not another. */
  async function isPlaced({ id, holdId }: OrderRequest, userId: string): Promise<boolean> {
    const earlier = await findOrder(database, id);
    if (!earlier) return false;
    if (earlier.userId === userId && earlier.holdId === holdId) return true;
    throw new ProblemError('conflict', 'This order id was used for another order.');
  }

  bind(app, tokens, api.placeOrder, async ({ body: order, user }) => {
    if (!(await isPlaced(order, user.id))) {
      // fails when the hold is gone, and else gives the payment its time
      const kept = await deps.holds.keepForPayment(order.holdId, user.id);
      await deps.traces.link(order.holdId);
      try {
        await placeOrder(deps, { request: order, user, ...kept });
      } catch (error) {
        const isTwin = error instanceof IdempotencyConflictError;
        if (!isTwin || !(await isPlaced(order, user.id))) throw error;
      }
    }
    return { id: order.id, state: 'processing', step: 'queued' } as const;
  });

  bind(app, tokens, api.cancelOrder, async ({ params, user }) => {
    await cancelOrder(deps, params.id, { actor: user.id, onlyOwn: true });
    return (await ownOrder(database, params.id, user.id)).order;
  });

  bind(app, tokens, api.readOrder, async ({ params, user }) =>
    currentOrder(queue, await ownOrder(database, params.id, user.id)),
  );

  bind(app, tokens, api.ticketKey, async () => publishedKey(deps.ticketKey));
}

/** Somebody else's order and none at all are the same answer. @throws ProblemError `not_found` */
export async function ownOrder(database: Pool, id: string, userId: string): Promise<StoredOrder> {
  const stored = z.uuid().safeParse(id).success ? await readOrder(database, id) : undefined;
  if (stored?.userId === userId) return stored;
  throw new ProblemError('not_found', 'There is no such order.');
}
