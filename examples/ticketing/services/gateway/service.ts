/**
 * gateway: everything that a browser talks to. It serves the pages and the WebSocket itself; calls of
 * the API go to the service that answers them, in this process or in another.
 */
import { apiServices } from '../../api-route.ts';
import { firstNight } from '../catalog/seed.ts';
import { urlOf } from '../config.ts';
import { AvailabilityFeed } from '../inventory/availability.ts';
import { Broadcasts } from '../inventory/broadcasts.ts';
import { ProblemError } from '../problem.ts';
import type { OpenService } from '../service.ts';
import { patienceMs } from '../warm-up.ts';
import { servePages } from './pages.ts';
import { forward, type Upstream } from './proxy.ts';
import { RateLimit } from './rate-limit.ts';
import { webSockets } from './socket.ts';
import { visit } from './visit.ts';
import { WaitingFeed } from './waiting-feed.ts';

export const openGateway: OpenService<'gateway'> = async ({ config, host, names, log }) => {
  const { database, queue, pools, tokens, catalog, rooms, namespace } = host;
  const broadcasts = new Broadcasts();
  const availability = new AvailabilityFeed(pools, broadcasts);
  const waiting = new WaitingFeed({ rooms, catalog, broadcasts, log });
  const upstreams = apiServices.flatMap((service): Upstream[] => {
    const url = (config as Record<string, unknown>)[urlOf(service)];
    return names.includes(service) ? [] : [{ service, url: String(url) }];
  });
  const proxies = upstreams.map((upstream) => forward(upstream, config.UPSTREAM_TIMEOUT_MS));
  const limit = new RateLimit({ perSecond: config.REQUESTS_PER_ADDRESS });
  await host.openPools();
  // the first visitor finds the counts known
  await availability
    .snapshot(firstNight.slug)
    .catch((error) => log.warn({ err: error }, 'not yet on sale'));
  return {
    warmUp: (_call, self) => visit(self, firstNight.slug, AbortSignal.timeout(patienceMs)),
    async routes(app) {
      app.addHook('onRequest', async (request) => {
        // probes and pages are free: who is turned away here shall still see the shop
        const retryAfterMs = request.url.startsWith('/api/') ? limit.take(request.ip) : 0;
        if (retryAfterMs === 0) return;
        const message = 'Too many calls from your network. Please wait a moment.';
        throw new ProblemError('too_many_attempts', message, { retryAfterMs });
      });
      for (const proxy of proxies) proxy.routes(app);
      await servePages(app);
    },
    webSockets: (server) =>
      webSockets(server, {
        database,
        queue,
        pools,
        catalog,
        rooms,
        namespace,
        tokens,
        availability,
        broadcasts,
        waiting,
        log,
      }),
    phases: { caches: [() => waiting.close(), ...proxies.map((proxy) => () => proxy.close())] },
  };
};
