import type { JobQueue } from '@evenkeel/async-jobs';
import type { FastifyInstance } from 'fastify';
import { api } from '../../api.ts';
import { audit } from '../audit.ts';
import type { AccessTokens } from '../auth/access-token.ts';
import { cancelOrder } from '../orders/cancel.ts';
import { chargeJob } from '../orders/charge-job.ts';
import { readOrder } from '../orders/orders.ts';
import { ProblemError } from '../problem.ts';
import { bind } from '../route.ts';
import { type ReportDeps, readAuditLog, saleReport, stuckOrders } from './reports.ts';

export type OrganiserDeps = ReportDeps & { queue: JobQueue; tokens: AccessTokens };

export function organiserRoutes(app: FastifyInstance, deps: OrganiserDeps): void {
  const { database, tokens } = deps;

  bind(app, tokens, api.saleReport, ({ params }) => saleReport(deps, params.slug));

  bind(app, tokens, api.stuckOrders, () => stuckOrders(deps));

  bind(app, tokens, api.retryOrder, async ({ params, user }) => {
    const stored = await readOrder(database, params.id);
    if (!stored) throw new ProblemError('not_found', 'There is no such order.');
    // its charge and its refund have the order as their key
    const letters = deps.queue.deadLetters(chargeJob.queue);
    const retried = await letters.replay(
      { key: params.id },
      { signal: AbortSignal.timeout(8_000) },
    );
    const details = { retried };
    await audit(database, { actor: user.id, action: 'order.retry', subject: params.id, details });
    return { retried };
  });

  bind(app, tokens, api.refundOrder, async ({ params, user }) => {
    await cancelOrder(deps, params.id, { actor: user.id, onlyOwn: false });
    const stored = await readOrder(database, params.id);
    if (!stored) throw new ProblemError('not_found', 'There is no such order.');
    return stored.order;
  });

  bind(app, tokens, api.auditLog, ({ query }) => readAuditLog(database, query.limit));
}
