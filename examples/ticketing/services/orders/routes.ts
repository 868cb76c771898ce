/** `POST /orders` promises; the payments worker keeps the promise. */

import { IdempotencyConflictError, type JobQueue } from '@evenkeel/async-jobs';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import { paths } from '../../addresses.ts';
import { type OrderAccepted, type OrderRequest, orderRequestSchema } from '../../contract.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { userOf } from '../auth/routes.ts';
import type { Holds } from '../inventory/holds.ts';
import { ProblemError, parse } from '../problem.ts';
import { findOrder, placeOrder, readOrder, type StoredOrder } from './orders.ts';
import { currentOrder } from './progress.ts';

export type OrderDeps = {
  database: Pool;
  queue: JobQueue;
  holds: Holds;
  tokens: AccessTokens;
};

export function orderRoutes(app: FastifyInstance, deps: OrderDeps): void {
  /** A second click, a second tab, a retry after a lost answer: the same purchase, not another. */
  async function isPlaced({ id, holdId }: OrderRequest, userId: string): Promise<boolean> {
    const earlier = await findOrder(deps.database, id);
    if (!earlier) return false;
    if (earlier.userId === userId && earlier.holdId === holdId) return true;
    throw new ProblemError('conflict', 'This order id was used for another order.');
  }

  app.post(paths.orders, async (request, reply) => {
    const user = await userOf(request, deps.tokens);
    const order = parse(orderRequestSchema, request.body);
    if (!(await isPlaced(order, user.id))) {
      // fails when the hold is gone, and else gives the payment its time
      const kept = await deps.holds.keepForPayment(order.holdId, user.id);
      try {
        await placeOrder(deps, { request: order, userId: user.id, ...kept });
      } catch (error) {
        const isTwin = error instanceof IdempotencyConflictError;
        if (!isTwin || !(await isPlaced(order, user.id))) throw error;
      }
    }
    const accepted: OrderAccepted = { id: order.id, state: 'processing', step: 'queued' };
    return reply.code(202).send(accepted);
  });

  app.get<{ Params: { id: string } }>(paths.order(':id'), async (request) => {
    const user = await userOf(request, deps.tokens);
    return currentOrder(deps.queue, await ownOrder(deps.database, request.params.id, user.id));
  });
}

/** Somebody else's order and none at all are the same answer. @throws ProblemError `not_found` */
export async function ownOrder(database: Pool, id: string, userId: string): Promise<StoredOrder> {
  const stored = z.uuid().safeParse(id).success ? await readOrder(database, id) : undefined;
  if (stored?.userId === userId) return stored;
  throw new ProblemError('not_found', 'There is no such order.');
}
