/** Runs a set of services in this process: opens them, serves them, and ends them in order. */
import { randomUUID } from 'node:crypto';
import { fastifyHealth, GracefulShutdown, Health, type ShutdownPhase } from '@evenkeel/health';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { regions } from '../contract.ts';
import { type ConfigOf, isStandIn, loadConfig, portOf, type ServiceName } from './config.ts';
import { Host, type HostConfig } from './host.ts';
import { httpServer } from './http-server.ts';
import { insist } from './insist.ts';
import { Metrics } from './metrics.ts';
import { migrateIfAllowed } from './migrations/migrate.ts';
import { addressOf, type OpenService, type Service } from './service.ts';
import { startTracing, traceRequests } from './tracing.ts';
import { warmUp } from './warm-up.ts';

/** The code of a service is loaded only where it runs. */
const services: { [Name in ServiceName]: () => Promise<OpenService<Name>> } = {
  gateway: async () => (await import('./gateway/service.ts')).openGateway,
  auth: async () => (await import('./auth/service.ts')).openAuth,
  catalog: async () => (await import('./catalog/service.ts')).openCatalog,
  inventory: async () => (await import('./inventory/service.ts')).openInventory,
  orders: async () => (await import('./orders/service.ts')).openOrders,
  payments: async () => (await import('./payments/service.ts')).openPayments,
  notifications: async () => (await import('./notifications/service.ts')).openNotifications,
  'fake-psp': async () => (await import('./fake-psp/service.ts')).openFakePsp,
  'fake-mail': async () => (await import('./fake-mail/service.ts')).openFakeMail,
};

export type RunningProcess = { end: (reason: string) => Promise<{ exitCode: number }> };

/**
 * Starts `names` and listens. A process of several services has one HTTP server, at the port of the
 * first of them; stand-ins have their own.
 * @throws ConfigError naming every mistake of the environment
 */
export async function runServices(
  names: readonly ServiceName[],
  environment: Record<string, string | undefined>,
  log: Logger,
): Promise<RunningProcess> {
  // a stand-in of the same process is where it always is
  const local: Record<string, string> = {};
  if (names.includes('fake-psp'))
    local.PSP_URL = `http://127.0.0.1:${environment.FAKE_PSP_PORT || 8082}`;
  if (names.includes('fake-mail'))
    local.MAIL_URL = `http://127.0.0.1:${environment.FAKE_MAIL_PORT || 8088}`;
  const config = loadConfig(names, { ...local, ...withoutEmpty(environment) });
  const name = names.join('+');
  const tracing = await startTracing(name, environment);
  const health = new Health({ service: name });
  const metrics = new Metrics(name, health);
  const host = new Host({ name, health, metrics, config: config as unknown as HostConfig, log });
  const onWait = (error: unknown) => log.warn({ err: error }, 'PostgreSQL is not there yet');
  if ('DATABASE_URL' in config) await insist(() => migrateIfAllowed(host.database), onWait);
  if ('PEOPLE_DATABASE_URL' in config) await insist(() => migrateIfAllowed(host.people), onWait);

  const opened = new Map<ServiceName, Service>();
  for (const service of names) {
    const open = (await services[service]()) as OpenService<ServiceName>;
    const context = { config: config as ConfigOf<ServiceName>, host, names };
    opened.set(service, await open({ ...context, log: log.child({ service }) }));
  }

  const main = names.find((service) => !isStandIn(service));
  const apps: { app: FastifyInstance; port: number }[] = [];
  if (main) {
    const app = await httpServer({
      log,
      trustProxy: config.TRUST_PROXY,
      https: config.SECURE_COOKIES,
    });
    metrics.http(app);
    traceRequests(app);
    await app.register(fastifyHealth(health));
    if (config.METRICS_PORT === undefined) metrics.route(app);
    for (const { routes } of opened.values()) await routes?.(app);
    apps.push({ app, port: Number(config[portOf(main) as keyof typeof config]) });
  }
  for (const { ownServer } of opened.values()) if (ownServer) apps.push(ownServer);
  if (!main && apps[0] && config.METRICS_PORT === undefined) metrics.route(apps[0].app);
  const metricsServer =
    config.METRICS_PORT === undefined
      ? undefined
      : await metrics.listen(config.HOST, config.METRICS_PORT);

  const [front] = apps;
  const webSocketServers = [...opened.values()].flatMap(({ webSockets }) =>
    webSockets && front ? [webSockets(front.app.server)] : [],
  );
  for (const sockets of webSocketServers) metrics.webSockets(sockets);
  metrics.register();
  const steps = (phase: ShutdownPhase) =>
    [...opened.values(), host].flatMap(({ phases }) => phases?.[phase] ?? []);
  const shutdown = new GracefulShutdown({
    health,
    servers: apps.map(({ app }) => app.server),
    webSocketServers,
    graceMs: config.GRACE_MS,
    lingerMs: config.LINGER_MS,
    ...(config.DRAIN_DELAY_MS === undefined ? {} : { drainDelayMs: config.DRAIN_DELAY_MS }),
    phases: {
      jobs: steps('jobs'),
      caches: steps('caches'),
      db: steps('db'),
      telemetry: [() => metricsServer?.close(), () => tracing?.shutdown()],
    },
    log: (line) => log.error(line),
  }).listen();
  const passes = [...opened.values()].flatMap(({ warmUp: pass }) => pass ?? []);
  let isWarm = config.WARM_UP_MS === 0 || passes.length === 0;
  if (!isWarm) {
    const check = () => {
      if (!isWarm) throw new Error('not warm yet');
    };
    health.check('warm-up', check, { ttlMs: 100, recoverAfter: 1 });
  }
  for (const { app, port } of apps) {
    await app.listen({ host: config.HOST, port });
    log.info({ url: addressOf(app.server) }, `${name} listens`);
  }
  if (front && !isWarm) {
    const nobody = { id: randomUUID(), role: 'buyer', region: regions[0] } as const;
    const token = 'ACCESS_TOKEN_SECRET' in config ? await host.tokens.issue(nobody) : undefined;
    const passesMade = await warmUp({
      self: { url: addressOf(front.app.server), accessToken: token?.accessToken },
      passes,
      forMs: config.WARM_UP_MS,
    });
    isWarm = true;
    log.info({ passes: passesMade }, `${name} is warm`);
  }
  log.info(`${name} is up`);
  return { end: (reason) => shutdown.run(reason) };
}

function withoutEmpty(environment: Record<string, string | undefined>) {
  return Object.fromEntries(Object.entries(environment).filter(([, text]) => text !== ''));
}
