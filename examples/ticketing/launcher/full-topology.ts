/**
 * The topology of compose.yaml on this machine, without Docker:
 *
 *   Redis       master -> global -> us, uk, au
 *   PostgreSQL  primary -> streaming replica, a role for each service
 *   Kafka
 *   Varnish, where it is installed -> gateway x2 -> every service x2, catalog x3: one a region
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import {
  type NativeServer,
  startBackends,
  startPostgres,
  startRedis,
} from '../../../test/backends.ts';
import { migrate } from '../services/migrations/migrate.ts';
import {
  type DatabaseRole,
  databaseRoles,
  roleName,
  setUpRoles,
} from '../services/migrations/roles.ts';
import type { ShopOptions } from './shop.ts';
import { findVarnish, startVarnish } from './varnish.ts';

const namespace = 'ticketing';
const regions = ['us', 'uk', 'au'] as const;

export type FullTopology = {
  /** what the shop is told of it */
  shop: Pick<ShopOptions, 'layout' | 'env' | 'envOf' | 'instances' | 'openFront'>;
  databaseUrl: string;
  ownRedis: NativeServer;
  stop: () => Promise<void>;
};

/** Starts the servers; of those in the environment only KAFKA_BROKERS is used, for the others need replicas of ours. */
export async function startFullTopology(options: {
  /** where the front door will be */
  port: number;
  log: (line: string) => void;
  signal: AbortSignal;
}): Promise<FullTopology> {
  const { port, log, signal } = options;
  const frontUrl = `http://127.0.0.1:${port}`;
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    await Promise.all(stops.splice(0).map((end) => end()));
  };
  const started = async <S extends { stop: () => Promise<unknown> }>(server: Promise<S>) => {
    const one = await server;
    stops.push(() => one.stop());
    return one;
  };
  const start = performance.now();
  const told = (what: string) =>
    log(`${what}, ${((performance.now() - start) / 1_000).toFixed(1)} s`);

  const redis = async () => {
    const master = await started(startRedis({ signal }));
    const global = await started(startRedis({ replicaOf: master, signal }));
    const near = await Promise.all(
      regions.map(() => started(startRedis({ replicaOf: global, signal }))),
    );
    told(`Redis ${master.version}: master -> global -> ${regions.join(', ')}`);
    return { master, global, near };
  };
  const postgres = async () => {
    const settings = { max_connections: '200' };
    const primary = await started(startPostgres({ signal, settings }));
    const logins = await prepareDatabase(primary.url);
    const replica = await started(startPostgres({ replicaOf: primary, signal, settings }));
    told(`PostgreSQL ${primary.version}: primary -> streaming replica`);
    return { primary, replica, logins };
  };
  const kafka = () => started(startBackends({ log, only: ['kafka'], signal }));

  const settled = await Promise.allSettled([redis(), postgres(), kafka()]);
  try {
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    const [chain, databases, broker] = settled.map((one) => (one as { value: unknown }).value) as [
      Awaited<ReturnType<typeof redis>>,
      Awaited<ReturnType<typeof postgres>>,
      Awaited<ReturnType<typeof kafka>>,
    ];
    const varnish = await findVarnish();
    log(
      varnish
        ? 'Varnish before the gateways'
        : 'Varnish is not installed: the front door only spreads connections',
    );
    const readingFrom = (service: DatabaseRole, near: NativeServer) => ({
      REDIS_READ_URLS: `${near.url},${chain.global.url}`,
      DATABASE_REPLICA_URL: loginOf(databases.replica, service),
    });
    const loginOf = (server: NativeServer, service: DatabaseRole) => {
      const url = new URL(server.url);
      const password = databases.logins[service];
      Object.assign(url, { username: roleName(namespace, service), password });
      return url.href;
    };
    return {
      databaseUrl: databases.primary.url,
      ownRedis: chain.master,
      stop,
      shop: {
        layout: 'apart',
        env: {
          ...broker.env,
          REDIS_URL: chain.master.url,
          NAMESPACE: namespace,
          DATABASE_CONNECTIONS: '4',
        },
        envOf: Object.fromEntries(
          databaseRoles.map((service) => [
            service,
            { DATABASE_URL: loginOf(databases.primary, service) },
          ]),
        ),
        instances: {
          // Varnish says who called; a balancer of connections does not
          gateway: twice(varnish ? { TRUST_PROXY: '1' } : {}),
          auth: twice(),
          catalog: chain.near.map((near) => ({
            ...readingFrom('catalog', near),
            ...(varnish ? { EDGE_URLS: frontUrl } : {}),
          })),
          inventory: chain.near.slice(0, 2).map((near) => readingFrom('inventory', near)),
          orders: twice(),
          payments: twice(),
          notifications: twice(),
        },
        ...(varnish
          ? {
              openFront: (port: number, gateways: readonly number[]) =>
                startVarnish(varnish, port, gateways),
            }
          : {}),
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const twice = (env: Record<string, string> = {}) => [env, env];

/** Migrations, and a role with a password of its own for each service. */
async function prepareDatabase(url: string): Promise<Record<string, string>> {
  const database = new pg.Pool({ connectionString: url, max: 2 });
  try {
    await migrate(database);
    const password = () => randomBytes(18).toString('base64url');
    const logins = Object.fromEntries(databaseRoles.map((role) => [role, password()]));
    await setUpRoles(database, namespace, logins);
    return logins;
  } finally {
    await database.end();
  }
}
