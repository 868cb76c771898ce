import type { JobQueue } from '@evenkeel/async-jobs';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { api } from '../../api.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import type { Pools } from '../inventory/pools.ts';
import { cancelOrder } from '../orders/cancel.ts';
import { readOrder } from '../orders/orders.ts';
import { ProblemError } from '../problem.ts';
import { bind } from '../route.ts';
import { readAuditLog, saleReport, stuckOrders } from './reports.ts';

export type OrganiserDeps = {
  database: Pool;
  queue: JobQueue;
  pools: Pools;
  namespace: string;
  tokens: AccessTokens;
};

export function organiserRoutes(app: FastifyInstance, deps: OrganiserDeps): void {
  const { database, tokens } = deps;

  bind(app, tokens, api.saleReport, ({ params }) => saleReport(deps, params.slug));

  bind(app, tokens, api.stuckOrders, () => stuckOrders(deps));

  bind(app, tokens, api.refundOrder, async ({ params, user }) => {
    await cancelOrder(deps, params.id, { actor: user.id, onlyOwn: false });
    const stored = await readOrder(database, params.id);
    if (!stored) throw new ProblemError('not_found', 'There is no such order.');
    return stored.order;
  });

  bind(app, tokens, api.auditLog, ({ query }) => readAuditLog(database, query.limit));
}
