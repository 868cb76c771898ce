/**
 * Every setting of every service: read from the environment once, at the start, and checked as a
 * whole, so that an operator sees all mistakes of a deployment at once and not one a restart.
 */
import { z } from 'zod';
import { type ApiService, apiServices } from '../api-route.ts';
import { regions } from '../contract.ts';
import { type DatabaseRole, isDatabaseRole } from './migrations/roles.ts';
import { ticketPrivateKey, ticketPublicKey } from './tickets/ticket-code.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const wholeMs = z.coerce.number().int().min(1);
const url = (schemes: string[]) =>
  z.string().refine((text) => schemes.some((scheme) => text.startsWith(`${scheme}://`)), {
    error: `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
  });
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** What each variable means; a service asks for the ones it uses (`loadConfig`). */
const variables = {
  /** interface to listen on; containers say 0.0.0.0 */
  HOST: z.string().min(1).default('127.0.0.1'),
  /** a process of several services listens on the port of the first one that it is told */
  GATEWAY_PORT: port.default(8080),
  PAYMENTS_PORT: port.default(8081),
  FAKE_PSP_PORT: port.default(8082),
  AUTH_PORT: port.default(8083),
  CATALOG_PORT: port.default(8084),
  INVENTORY_PORT: port.default(8085),
  ORDERS_PORT: port.default(8086),
  NOTIFICATIONS_PORT: port.default(8087),
  FAKE_MAIL_PORT: port.default(8088),
  /** where the gateway finds a service that is not in its own process */
  AUTH_URL: url(['http', 'https']),
  CATALOG_URL: url(['http', 'https']),
  INVENTORY_URL: url(['http', 'https']),
  ORDERS_URL: url(['http', 'https']),
  PAYMENTS_URL: url(['http', 'https']),
  MAIL_URL: url(['http', 'https']),
  MAIL_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(16),
  MAIL_TIMEOUT_MS: wholeMs.default(5_000),
  /** how long the stand-in takes for a mail */
  MAIL_LATENCY_MS: z.coerce.number().int().min(0).max(600_000).default(200),
  /** signs the provider's webhooks; without it they are refused */
  PSP_WEBHOOK_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  /** where the stand-in sends them; without it it sends none */
  PSP_WEBHOOK_URL: url(['http', 'https']).optional(),
  /** calls of the API a second that one address may go on with, at each gateway */
  REQUESTS_PER_ADDRESS: z.coerce.number().int().min(1).default(100),
  /** a service that has not answered the gateway after so long counts as away */
  UPSTREAM_TIMEOUT_MS: wholeMs.default(10_000),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Prometheus reads `/metrics` here; unset: on the service's own port, for one machine's demo */
  METRICS_PORT: port.optional(),
  /** all the time that a shutdown may take; Kubernetes kills the pod after its own, longer one */
  GRACE_MS: z.coerce.number().int().min(1_000).max(3_600_000).default(28_000),
  /** requests still come so long after readiness is gone; unset: 5 s in Kubernetes, else none */
  DRAIN_DELAY_MS: z.coerce.number().int().min(0).max(600_000).optional(),
  /** at the end, idle kept-alive connections stay open so long for a request already on its way */
  LINGER_MS: z.coerce.number().int().min(0).max(60_000).default(5_000),
  /** a process uses its own code so long before it says that it is ready; 0: it is ready, and slow, at once */
  WARM_UP_MS: z.coerce.number().int().min(0).max(60_000).default(0),
  /** begins every Redis key, Kafka topic and consumer group, so that two systems can share servers */
  NAMESPACE: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,40}$/, 'must be a-z, 0-9 and _, beginning with a letter')
    .default('ticketing'),

  /** where this process lives, and all regions that the shop has */
  REGION: z.enum(regions).default('eu'),
  REGIONS: z
    .string()
    .transform((text) => text.split(',').map((region) => region.trim()))
    .pipe(z.array(z.enum(regions)).min(1))
    .default(['eu']),
  /** front doors of the other regions */
  EU_URL: url(['http', 'https']).optional(),
  US_URL: url(['http', 'https']).optional(),
  AU_URL: url(['http', 'https']).optional(),
  /** the region's own stores, for whatever names a person; unset: those of everything else */
  PEOPLE_DATABASE_URL: url(['postgres', 'postgresql']).optional(),
  PEOPLE_REDIS_URL: url(['redis', 'rediss']).optional(),

  REDIS_URL: url(['redis', 'rediss']),
  /** replicas that pages are read from: the one beside this process, and after a comma the one that it copies */
  REDIS_READ_URLS: z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .pipe(z.array(url(['redis', 'rediss'])).max(2))
    .optional(),
  /** Varnishes that keep pages, each told what has changed; unset: none is */
  EDGE_URLS: z
    .string()
    .transform((text) => text.split(',').map((one) => one.trim()))
    .pipe(z.array(url(['http', 'https'])))
    .optional(),
  DATABASE_URL: url(['postgres', 'postgresql']),
  /** a streaming replica near this process, which pages are read from while it keeps up */
  DATABASE_REPLICA_URL: url(['postgres', 'postgresql']).optional(),
  KAFKA_BROKERS: z.string().transform((text, context) => {
    const brokers = text.split(',').map((broker) => broker.trim());
    const bad = brokers.find((broker) => !/^[\w.-]+:\d+$/.test(broker));
    if (bad !== undefined) context.addIssue(`must be host:port[,host:port...], got "${bad}"`);
    return brokers;
  }),
  /** for `migrate`: passwords of the services' own database roles, `auth:secret,catalog:secret...` */
  DATABASE_LOGINS: z
    .string()
    .transform((text, context) => {
      const logins = text.split(',').map((login) => login.trim().split(':'));
      for (const [service = '', password = '', ...rest] of logins) {
        // the password itself is never shown
        if (!isDatabaseRole(service)) context.addIssue(`"${service}" has no database role`);
        else if (rest.length > 0) context.addIssue(`${service}'s password may not contain a colon`);
        else if (password.length < 8) context.addIssue(`${service}'s password is too short`);
      }
      return Object.fromEntries(logins) as Partial<Record<DatabaseRole, string>>;
    })
    .optional(),
  /** connections to PostgreSQL of one process */
  DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(200).default(10),

  /** signs access tokens; every gateway needs the same one */
  ACCESS_TOKEN_SECRET: z.string().min(32, 'must have at least 32 characters'),
  ACCESS_TOKEN_TTL_MS: wholeMs.default(15 * 60_000),
  REFRESH_TTL_MS: wholeMs.default(30 * 24 * 3_600_000),
  /** log2 of scrypt's N: each step doubles time and memory (14 = 16 MiB); less only where load is tested */
  PASSWORD_COST_LOG2: z.coerce.number().int().min(4).max(20).default(14),
  /** scrypt's p: each pass costs the time of the first one, not its memory */
  PASSWORD_PASSES: z.coerce.number().int().min(1).max(16).default(5),
  /** log-ins and registrations that one address may try in 15 minutes */
  LOGINS_PER_ADDRESS: z.coerce.number().int().min(1).default(300),
  /** cookies only over https; on in every deployment that is not one machine's demo */
  SECURE_COOKIES: flag.default(false),
  /** how many proxies of ours stand in front, whose X-Forwarded-For is believed: true is one */
  TRUST_PROXY: z
    .union([flag.transform(Number), z.coerce.number().int().min(0).max(5)], {
      error: 'must be true, false or the number of proxies, 0 to 5',
    })
    .default(0),

  /**
   * A Redis that has not answered for so long is not waited for: holds and log-ins are told to try again. One second where everything shares
   * a machine, whose own pauses must not look like Redis's; where Redis has cores of its own, as in deploy/k8s, less.
   */
  REDIS_SILENCE_MS: z.coerce.number().int().min(20).max(60_000).default(1_000),
  HOLD_TTL_MS: wholeMs.default(120_000),
  /** past the expiry that buyers see, so that a click in the last second is not in vain */
  HOLD_GRACE_MS: z.coerce.number().int().min(0).default(5_000),
  SEATS_PER_BUYER: z.coerce.number().int().min(1).max(1_000).default(6),
  /** password of the demo's accounts, which are created only when this is set */
  DEMO_PASSWORD: z.string().min(10).optional(),

  /** only the worker holds the key that makes tickets; the gateway shows the public half */
  TICKET_PRIVATE_KEY: z.string().transform(check(ticketPrivateKey)),
  TICKET_PUBLIC_KEY: z.string().transform(check(ticketPublicKey)),

  PSP_URL: url(['http', 'https']),
  PAYMENT_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(64),
  /** so long after a worker's sudden death Kafka gives its payments to another */
  WORKER_SESSION_TIMEOUT_MS: z.coerce.number().int().min(6_000).max(300_000).default(10_000),
  PAYMENT_TIMEOUT_MS: wholeMs.default(10_000),
  /** a charge slower than this counts as a bad one */
  PAYMENT_SLOW_MS: wholeMs.default(5_000),

  /** how long the stand-in thinks about a charge */
  PSP_LATENCY_MS: z.coerce.number().int().min(0).max(600_000).default(2_000),
  PSP_ERROR_RATE: z.coerce.number().min(0).max(1).default(0),
};

type Variables = typeof variables;
export type Config<Name extends keyof Variables> = { [K in Name]: z.output<Variables[K]> };

const common = [
  'HOST',
  'LOG_LEVEL',
  'METRICS_PORT',
  'GRACE_MS',
  'DRAIN_DELAY_MS',
  'LINGER_MS',
  'WARM_UP_MS',
  'NAMESPACE',
] as const;
const http = ['SECURE_COOKIES', 'TRUST_PROXY'] as const;
const database = ['DATABASE_URL', 'DATABASE_CONNECTIONS'] as const;
const jobs = [...database, 'REDIS_URL', 'KAFKA_BROKERS'] as const;
const sale = [
  ...database,
  'REDIS_URL',
  'REDIS_SILENCE_MS',
  'HOLD_TTL_MS',
  'HOLD_GRACE_MS',
  'SEATS_PER_BUYER',
] as const;
const pages = ['REDIS_URL', 'REDIS_READ_URLS', 'DATABASE_REPLICA_URL'] as const;
const people = ['REGION', 'PEOPLE_DATABASE_URL'] as const;
const token = ['ACCESS_TOKEN_SECRET', 'ACCESS_TOKEN_TTL_MS'] as const;

/** The variables that each service reads, and nothing else: a worker has no use for login secrets. */
const needs = {
  gateway: [
    ...common,
    ...http,
    ...jobs,
    ...sale,
    ...token,
    'GATEWAY_PORT',
    'REQUESTS_PER_ADDRESS',
    'UPSTREAM_TIMEOUT_MS',
  ],
  auth: [
    ...common,
    ...http,
    ...database,
    ...token,
    ...people,
    'REGIONS',
    'EU_URL',
    'US_URL',
    'AU_URL',
    'PEOPLE_REDIS_URL',
    'AUTH_PORT',
    'REDIS_URL',
    'REDIS_SILENCE_MS',
    'REFRESH_TTL_MS',
    'PASSWORD_COST_LOG2',
    'PASSWORD_PASSES',
    'LOGINS_PER_ADDRESS',
    'DEMO_PASSWORD',
  ],
  catalog: [...common, ...http, ...database, ...pages, ...token, 'CATALOG_PORT', 'EDGE_URLS'],
  inventory: [...common, ...http, ...sale, ...pages, ...token, 'INVENTORY_PORT'],
  orders: [...common, ...http, ...jobs, ...sale, ...token, 'ORDERS_PORT', 'TICKET_PUBLIC_KEY'],
  payments: [
    ...common,
    ...http,
    ...jobs,
    ...sale,
    'PAYMENTS_PORT',
    'REGIONS',
    'TICKET_PRIVATE_KEY',
    'PSP_URL',
    'PSP_WEBHOOK_SECRET',
    'PAYMENT_CONCURRENCY',
    'WORKER_SESSION_TIMEOUT_MS',
    'PAYMENT_TIMEOUT_MS',
    'PAYMENT_SLOW_MS',
  ],
  notifications: [
    ...common,
    ...http,
    ...jobs,
    ...people,
    'NOTIFICATIONS_PORT',
    'MAIL_URL',
    'MAIL_CONCURRENCY',
    'MAIL_TIMEOUT_MS',
    'WORKER_SESSION_TIMEOUT_MS',
  ],
  'fake-psp': [
    ...common,
    'FAKE_PSP_PORT',
    'PSP_LATENCY_MS',
    'PSP_ERROR_RATE',
    'PSP_WEBHOOK_URL',
    'PSP_WEBHOOK_SECRET',
  ],
  'fake-mail': [...common, 'FAKE_MAIL_PORT', 'MAIL_LATENCY_MS'],
} as const satisfies Record<string, readonly (keyof Variables)[]>;

export type ServiceName = keyof typeof needs;
export const serviceNames = Object.keys(needs) as ServiceName[];
/** Two belong to no product: they stand in for the providers outside. */
export const isStandIn = (name: ServiceName) => name.startsWith('fake-');
export const productServices = serviceNames.filter((name) => !isStandIn(name));
export type ConfigOf<Name extends ServiceName> = Config<(typeof needs)[Name][number]>;
/** The gateway's variable for the address of a service. */
export const urlOf = (service: ApiService) =>
  `${service.toUpperCase() as Uppercase<ApiService>}_URL` as const;
export const portOf = (service: ServiceName) =>
  `${service.toUpperCase().replace('-', '_')}_PORT` as keyof Variables;

/** The environment cannot start this service; `mistakes` names each variable and its rule. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'ERR_CONFIG';
  readonly mistakes: readonly string[];
  constructor(service: string, mistakes: readonly string[]) {
    super(`${service} cannot start with this environment:\n  ${mistakes.join('\n  ')}`);
    this.mistakes = mistakes;
  }
}

/**
 * Reads what `services` need together, in one process. An empty variable counts as unset, as compose
 * files write them.
 * @throws ConfigError naming every variable that is missing or wrong
 */
export function loadConfig<Name extends ServiceName>(
  services: readonly Name[],
  environment: Record<string, string | undefined>,
): ConfigOf<Name> & Partial<Config<`${Uppercase<ApiService>}_URL`>> {
  const names = new Set<keyof Variables>(services.flatMap((service) => [...needs[service]]));
  if ((services as readonly string[]).includes('gateway')) {
    const elsewhere = apiServices.filter((api) => !(services as readonly string[]).includes(api));
    for (const service of elsewhere) names.add(urlOf(service));
  }
  return read(services.join(', '), names, environment) as ReturnType<typeof loadConfig<Name>>;
}

const forMigration = ['LOG_LEVEL', 'NAMESPACE', 'DATABASE_URL', 'DATABASE_LOGINS'] as const;
/** What `main.ts migrate` reads. @throws ConfigError */
export function loadMigrationConfig(environment: Record<string, string | undefined>) {
  return read('migrate', forMigration, environment) as Config<(typeof forMigration)[number]>;
}

function read(
  who: string,
  names: Iterable<keyof Variables>,
  environment: Record<string, string | undefined>,
): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const name of names) {
    const text = environment[name] === '' ? undefined : environment[name];
    const result = variables[name].safeParse(text);
    if (result.success) config[name] = result.data;
    else if (text === undefined) mistakes.push(`${name} is not set`);
    else mistakes.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')}`);
  }
  if (mistakes.length > 0) throw new ConfigError(who, mistakes);
  return config;
}

/** zod transform that turns a parser's exception into the variable's mistake. */
function check<T>(parse: (text: string) => T) {
  return (text: string, context: z.RefinementCtx): T => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue((error as Error).message);
      return z.NEVER;
    }
  };
}
