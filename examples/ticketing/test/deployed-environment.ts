/** What the tests of the deployments know of the services' environment. */
import { readFileSync } from 'node:fs';
import { loadConfig, type ServiceName } from '../services/config.ts';
import { generateTicketKeys } from '../services/tickets/ticket-code.ts';

const { privateKey, publicKey } = generateTicketKeys();

/** A value that is right for each variable that a deployment keeps in its secrets. */
export const sampleValues: Readonly<Record<string, string>> = {
  ACCESS_TOKEN_SECRET: 'x'.repeat(40),
  DATABASE_LOGINS: 'auth:12345678,catalog:12345678',
  DATABASE_REPLICA_URL: 'postgres://ticketing:secret@replica.stores:5432/ticketing',
  DATABASE_URL: 'postgres://ticketing:secret@postgres.stores:5432/ticketing',
  KAFKA_BROKERS: 'kafka.stores:9092',
  PSP_WEBHOOK_SECRET: 'y'.repeat(40),
  REDIS_READ_URLS: 'redis://near.stores:6379,redis://global.stores:6379',
  REDIS_URL: 'redis://redis.stores:6379',
  TICKET_PRIVATE_KEY: privateKey,
  TICKET_PUBLIC_KEY: publicKey,
};

/** Where the region of the deployment is the only one, nobody is sent elsewhere or stored apart. */
export const ofSeveralRegions = [
  'EU_URL',
  'US_URL',
  'AU_URL',
  'PEOPLE_DATABASE_URL',
  'PEOPLE_REDIS_URL',
];

/** What a service reads, has no default for, and is not given; @throws ConfigError when it cannot start. */
export function unset(
  service: ServiceName,
  environment: Record<string, string>,
): ReadonlySet<string> {
  const missing = Object.entries(loadConfig([service], environment)).filter(
    ([, value]) => value === undefined,
  );
  return new Set(missing.map(([name]) => name));
}

/** Which variables each secret has, as deploy/README.md tells an operator. */
export const secrets = Object.fromEntries(
  [
    ...readFileSync(new URL('../deploy/README.md', import.meta.url), 'utf8').matchAll(
      /^\| `(ticketing-\w+)` \| (.+) \|$/gm,
    ),
  ].map(([, secret = '', variables = '']) => [
    secret,
    [...variables.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  ]),
);
