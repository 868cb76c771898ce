/**
 * The gateway: everything that a browser talks to. It takes holds and orders and tells what becomes
 * of them; money and tickets are the payments worker's.
 */
import { fastifyHealth, Health, pgCheck, redisCheck } from '@evenkeel/health';
import { TieredCache } from '@evenkeel/tiered-cache';
import type { Logger } from 'pino';
import { paths } from '../../addresses.ts';
import { AccessTokens } from '../auth/access-token.ts';
import { LoginAttempts } from '../auth/attempts.ts';
import { Passwords } from '../auth/passwords.ts';
import { authRoutes } from '../auth/routes.ts';
import { Sessions } from '../auth/sessions.ts';
import { Catalog } from '../catalog/catalog.ts';
import { catalogRoutes } from '../catalog/routes.ts';
import { firstNight, seed } from '../catalog/seed.ts';
import type { GatewayConfig } from '../config.ts';
import { connect } from '../connections.ts';
import { warmUp } from '../database.ts';
import { AvailabilityFeed } from '../inventory/availability.ts';
import { Holds } from '../inventory/holds.ts';
import { Pools } from '../inventory/pools.ts';
import { inventoryRoutes } from '../inventory/routes.ts';
import { migrate } from '../migrations/migrate.ts';
import { chargeJob } from '../orders/charge-job.ts';
import { orderRoutes } from '../orders/routes.ts';
import type { Service } from '../service.ts';
import { publishedKey } from '../tickets/ticket-code.ts';
import { servePages } from './pages.ts';
import { httpServer } from './server.ts';
import { webSockets } from './socket.ts';

export async function startGateway(config: GatewayConfig, log: Logger): Promise<Service> {
  const { redis, database, queue } = connect('gateway', config, log);
  const namespace = config.NAMESPACE;
  const passwords = new Passwords({ costLog2: config.PASSWORD_COST_LOG2 });
  const demoPassword = config.DEMO_PASSWORD;

  await migrate(database);
  await queue.outbox?.migrate();
  await seed(database, demoPassword ? () => passwords.hash(demoPassword) : undefined);
  await queue.ensureTopics([chargeJob]);
  const pools = await Pools.open({
    redis,
    database,
    namespace,
    ttlMs: config.HOLD_TTL_MS,
    graceMs: config.HOLD_GRACE_MS,
    seatsPerBuyer: config.SEATS_PER_BUYER,
  });
  // the gateway took the order, so it sees to it that the job leaves the database
  const relay = queue.relay();
  relay.on('error', (error) => log.warn({ err: error }, 'outbox relay failed'));
  await relay.run();

  const cache = new TieredCache({ namespace, redis });
  const catalog = new Catalog({ cache, database });
  const availability = new AvailabilityFeed(pools);
  const holds = new Holds({ pools, catalog, ttlMs: config.HOLD_TTL_MS });
  const tokens = new AccessTokens({
    secret: config.ACCESS_TOKEN_SECRET,
    ttlMs: config.ACCESS_TOKEN_TTL_MS,
  });

  const health = new Health({ service: 'gateway' });
  const query = 'select slug, title from events limit 1';
  const expect = (rows: readonly unknown[]) => rows.length === 1;
  health.check('database', pgCheck(database, { query, expect }), { scope: 'shared' });
  health.check('redis', redisCheck(redis), { scope: 'shared' });
  health.check(queue.healthCheck(), { scope: 'shared', timeoutMs: 2_000 });
  health.check(relay.healthCheck(), { scope: 'shared' });

  const app = await httpServer({
    log,
    trustProxy: config.TRUST_PROXY,
    https: config.SECURE_COOKIES,
  });
  await app.register(fastifyHealth(health));
  authRoutes(app, {
    database,
    passwords,
    tokens,
    sessions: new Sessions({ redis, namespace, ttlMs: config.REFRESH_TTL_MS }),
    attempts: new LoginAttempts({ redis, namespace }),
    cookies: { secure: config.SECURE_COOKIES, ttlMs: config.REFRESH_TTL_MS },
  });
  catalogRoutes(app, catalog);
  inventoryRoutes(app, { holds, availability, tokens });
  orderRoutes(app, { database, queue, holds, tokens });
  app.get(paths.ticketKey, async () => publishedKey(config.TICKET_PUBLIC_KEY));
  await servePages(app);

  const sockets = webSockets(app.server, { database, queue, tokens, availability, log });
  // the first visitor finds the page in the cache, the counts known, the connections open
  await Promise.all([
    catalog.event(firstNight.slug),
    availability.snapshot(firstNight.slug),
    warmUp(database),
  ]);

  return {
    name: 'gateway',
    health,
    server: app.server,
    webSockets: sockets,
    listen: () => app.listen({ host: config.HOST, port: config.GATEWAY_PORT }),
    phases: {
      caches: [() => queue.close(), () => pools.close(), () => cache.close()],
      db: [() => database.end(), () => redis.quit()],
    },
    lingerMs: config.LINGER_MS,
  };
}
