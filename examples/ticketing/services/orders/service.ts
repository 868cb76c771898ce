/** orders: promises to sell what is held, at once; the payments worker keeps the promise. */
import { randomUUID } from 'node:crypto';
import { paths, testCards } from '../../addresses.ts';
import { warmUp } from '../database.ts';
import { insist } from '../insist.ts';
import { Holds } from '../inventory/holds.ts';
import { organiserRoutes } from '../organiser/routes.ts';
import { scanRoutes } from '../scans/routes.ts';
import { Scans } from '../scans/scans.ts';
import type { OpenService } from '../service.ts';
import { chargeJob } from './charge-job.ts';
import { orderRoutes } from './routes.ts';

export const openOrders: OpenService<'orders'> = async ({ config, host }) => {
  const { database, queue, pools, catalog, tokens, rooms, namespace } = host;
  await host.ensureTopics([chargeJob]);
  await host.relay();
  const holds = new Holds({ pools, catalog, ttlMs: config.HOLD_TTL_MS, pulse: host.pulse });
  await host.openPools();
  await insist(() => warmUp(database));
  return {
    async warmUp(call) {
      const body = { id: randomUUID(), holdId: randomUUID(), card: testCards.good };
      await call(paths.orders, { body });
      await call(paths.order(body.id));
    },
    routes: (app) => {
      const ticketKey = config.TICKET_PUBLIC_KEY;
      const { holdTraces: traces } = host;
      orderRoutes(app, { database, queue, holds, traces, tokens, ticketKey });
      scanRoutes(app, { scans: new Scans({ database, key: ticketKey }), tokens });
      organiserRoutes(app, { database, queue, pools, catalog, rooms, tokens, namespace });
    },
  };
};
