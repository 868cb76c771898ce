import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, loadMigrationConfig } from '../services/config.ts';
import { generateTicketKeys } from '../services/tickets/ticket-code.ts';

const keys = generateTicketKeys();
const gateway = {
  REDIS_URL: 'redis://127.0.0.1:6379',
  DATABASE_URL: 'postgres://u:p@127.0.0.1/tickets',
  KAFKA_BROKERS: 'kafka-1:9092, kafka-2:9092',
  ACCESS_TOKEN_SECRET: 'x'.repeat(32),
  TICKET_PUBLIC_KEY: keys.publicKey,
  PAYMENTS_URL: 'http://payments:8081',
};

/** The services of the front, in one process. */
const shop = ['gateway', 'auth', 'catalog', 'inventory', 'orders'] as const;

function mistakesOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(shop, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).mistakes;
  }
  return [];
}

describe('the configuration of a service', () => {
  it('has defaults for everything that is not an address or a secret', () => {
    const config = loadConfig(shop, gateway);
    expect(config).toMatchObject({
      HOST: '127.0.0.1',
      GATEWAY_PORT: 8080,
      HOLD_TTL_MS: 120_000,
      ACCESS_TOKEN_TTL_MS: 900_000,
      SECURE_COOKIES: false,
      KAFKA_BROKERS: ['kafka-1:9092', 'kafka-2:9092'],
    });
  });

  it('names every mistake at once', () => {
    const mistakes = mistakesOf({
      ...gateway,
      REDIS_URL: '',
      DATABASE_URL: 'mysql://u:p@127.0.0.1/tickets',
      GATEWAY_PORT: '80800',
      ACCESS_TOKEN_SECRET: 'short',
    });
    expect(mistakes).toHaveLength(4);
    expect(mistakes).toContain('REDIS_URL is not set');
    for (const name of ['DATABASE_URL', 'GATEWAY_PORT', 'ACCESS_TOKEN_SECRET']) {
      expect(mistakes.some((mistake) => mistake.startsWith(`${name}: `))).toBe(true);
    }
  });

  it.each([
    ['REDIS_READ_URLS', 'http://127.0.0.1'],
    ['REDIS_READ_URLS', 'redis://a,redis://b,redis://c'],
    ['EDGE_URLS', 'varnish'],
    ['GATEWAY_PORT', 'eighty'],
    ['GATEWAY_PORT', '-1'],
    ['GATEWAY_PORT', '80.5'],
    ['HOLD_TTL_MS', '0'],
    ['SECURE_COOKIES', 'yes'],
    ['KAFKA_BROKERS', 'kafka'],
    ['NAMESPACE', 'Tickets!'],
    ['LOG_LEVEL', 'loud'],
    ['TICKET_PUBLIC_KEY', keys.privateKey],
  ])('refuses %s=%s', (name, value) => {
    const mistakes = mistakesOf({ ...gateway, [name]: value });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(new RegExp(`^${name}: `));
  });

  it('asks the gateway for the address of every service that is not beside it', () => {
    const alone = () => loadConfig(['gateway'], gateway);
    expect(alone).toThrow(
      /AUTH_URL is not set\n {2}CATALOG_URL.*\n {2}INVENTORY_URL.*\n {2}ORDERS_URL/,
    );
    expect(loadConfig(shop, gateway)).toMatchObject({ PAYMENTS_URL: 'http://payments:8081' });
  });

  it.each([
    ['auth:long enough', { auth: 'long enough' }],
    ['auth:long enough, orders:a:b:c:d:e', undefined],
    ['nobody:long enough', undefined],
    ['auth:short', undefined],
  ])('reads the passwords of database roles: %s', (DATABASE_LOGINS, expected) => {
    const read = () =>
      loadMigrationConfig({ DATABASE_URL: gateway.DATABASE_URL, DATABASE_LOGINS }).DATABASE_LOGINS;
    if (expected) expect(read()).toEqual(expected);
    else expect(read).toThrow(/DATABASE_LOGINS: /);
  });

  it('never repeats a secret in its complaint', () => {
    const secret = 'hunter2hunter2';
    expect(mistakesOf({ ...gateway, ACCESS_TOKEN_SECRET: secret }).join()).not.toContain(secret);
  });

  it('asks a service only for what it uses: the worker knows no login secret', () => {
    const { ACCESS_TOKEN_SECRET: _login, TICKET_PUBLIC_KEY: _public, ...stores } = gateway;
    const config = loadConfig(['payments'], {
      ...stores,
      TICKET_PRIVATE_KEY: keys.privateKey,
      PSP_URL: 'http://127.0.0.1:8082',
    });
    expect(config).not.toHaveProperty('ACCESS_TOKEN_SECRET');
    expect(() => loadConfig(['fake-psp'], {})).not.toThrow();
  });
});
