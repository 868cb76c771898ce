/** A shop of a test's own: real processes, a database and names that no other test uses. */
import { randomUUID } from 'node:crypto';
import { HoldPool, PostgresStore, type Verification } from '@evenkeel/soft-hold';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import type { Region, Role, User } from '../contract.ts';
import { Buyer, Refused } from '../launcher/buyer.ts';
import { freePort } from '../launcher/ports.ts';
import { Shop, type ShopOptions } from '../launcher/shop.ts';
import { AccessTokens } from '../services/auth/access-token.ts';
import { firstNight } from '../services/catalog/seed.ts';
import type { SentMessage } from '../services/fake-mail/fake-mail.ts';
import type { Charge, Charges } from '../services/fake-psp/charges.ts';
import { migrate } from '../services/migrations/migrate.ts';
import { databaseRoles, roleName, setUpRoles } from '../services/migrations/roles.ts';
import { Books } from './books.ts';

export const slug = firstNight.slug;
export const tokenSecret = 'the secret of the tests, long enough';

const running = new Set<TestShop>();
// whatever a test has done, it must have left the books of its shop whole
afterEach(async () => {
  for (const { books } of running) await books.areWhole();
});

export class TestShop {
  readonly shop: Shop;
  readonly database: pg.Pool;
  readonly namespace: string;
  readonly books: Books;
  readonly #redisUrl: string;
  readonly #admin: pg.Pool;
  readonly #tokens = new AccessTokens({ secret: tokenSecret, ttlMs: 900_000 });
  readonly log: string[];
  readonly #roles: Map<string, string>;

  private constructor(
    shop: Shop,
    database: pg.Pool,
    redisUrl: string,
    admin: pg.Pool,
    name: string,
    log: string[],
    roles: Map<string, string>,
  ) {
    this.#roles = roles;
    this.shop = shop;
    this.database = database;
    this.#redisUrl = redisUrl;
    this.namespace = name;
    this.log = log;
    this.#admin = admin;
    const captured = async () => (await this.pspStats()).captured;
    this.books = new Books({ database, redisUrl, captured });
  }

  static async start(
    env: Record<string, string> = {},
    layout: ShopOptions['layout'] = 'compact',
  ): Promise<TestShop> {
    const { redisUrl, databaseUrl, kafkaBrokers } = backends();
    const name = uniqueName('shop');
    const admin = new pg.Pool({ connectionString: databaseUrl, max: 1 });
    await admin.query(`create database ${name}`);
    const url = new URL(databaseUrl);
    url.pathname = `/${name}`;
    const database = new pg.Pool({ connectionString: url.href, max: 3 });
    // `drop database ... with (force)` may come before the last connection is gone
    database.on('error', () => {});
    const log: string[] = [];
    const roles =
      layout === 'apart' ? await rolesOf(database, url, name) : new Map<string, string>();
    const shop = await Shop.prepare({
      port: await freePort(),
      layout,
      env: {
        REDIS_URL: redisUrl,
        DATABASE_URL: url.href,
        KAFKA_BROKERS: kafkaBrokers,
        NAMESPACE: name,
        ACCESS_TOKEN_SECRET: tokenSecret,
        PASSWORD_COST_LOG2: '10',
        WORKER_SESSION_TIMEOUT_MS: '6000',
        LOG_LEVEL: 'warn',
        ...env,
      },
      envOf: Object.fromEntries(
        [...roles].map(([service, DATABASE_URL]) => [service, { DATABASE_URL }]),
      ),
      onLine: (service, line) => log.push(`${service}: ${line}`),
    });
    const usedRedis = env.REDIS_URL ?? redisUrl;
    const testShop = new TestShop(shop, database, usedRedis, admin, name, log, roles);
    try {
      await shop.start();
      running.add(testShop);
    } catch (error) {
      await testShop.stop();
      throw new Error(log.join('\n'), { cause: error });
    }
    return testShop;
  }

  get url(): string {
    return this.shop.url;
  }

  /** Where a service of the layout `apart` finds the database, under its own name. */
  databaseUrlOf(service: string): string {
    const url = this.#roles.get(service);
    if (!url) throw new RangeError(`Expected a service with a database role, got ${service}`);
    return url;
  }

  /** A logged-in buyer, without the work of a login. */
  async buyer(role?: Role, region?: Region): Promise<Buyer> {
    return new Buyer(this.url, await this.token(role, region));
  }

  /** The access token of a new account. */
  async token(role: Role = 'buyer', region: Region = 'eu'): Promise<string> {
    const id = randomUUID();
    const user: User = { id, email: `${id}@example.com`, name: 'Test Buyer', role, region };
    await this.database.query(
      `insert into users (id, email, name, role, region, password_hash)
       values ($1, $2, $3, $4, $5, 'none')`,
      [user.id, user.email, user.name, role, region],
    );
    return (await this.#tokens.issue(user)).accessToken;
  }

  async charges(): Promise<Charge[]> {
    return (await fetch(`${this.shop.pspUrl}/charges`)).json() as Promise<Charge[]>;
  }

  async chargeOf(orderId: string): Promise<Charge | undefined> {
    return (await this.charges()).find(({ reference }) => reference === orderId);
  }

  /** What the mail provider has sent. */
  async mails(): Promise<SentMessage[]> {
    return (await fetch(`${this.shop.mailUrl}/messages`)).json() as Promise<SentMessage[]>;
  }

  async pspStats(): Promise<ReturnType<Charges['stats']>> {
    const response = await fetch(`${this.shop.pspUrl}/stats`);
    return (await response.json()) as ReturnType<Charges['stats']>;
  }

  async faults(faults: object, of = this.shop.pspUrl): Promise<void> {
    await fetch(`${of}/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(faults),
    });
  }

  /** The pool's own comparison of Redis with PostgreSQL, from a third process: this one. */
  async verify(): Promise<Verification> {
    const redis = new Redis(this.#redisUrl);
    const store = new PostgresStore(this.database);
    const pool = new HoldPool({ redis, store, pool: `${this.namespace}.${slug}` });
    try {
      return await pool.verify();
    } finally {
      await pool.close();
      redis.disconnect();
    }
  }

  /** What PostgreSQL alone says: units sold, seats with a ticket, orders by state. */
  async ledger() {
    const { rows } = await this.database.query<{
      total: number;
      sold: number;
      tickets: number;
      seats: number;
      orders: Record<string, number>;
      captured: number;
    }>(
      `select (select sum(total)::int from soft_hold.sku) as total,
         (select sum(sold)::int from soft_hold.sku) as sold,
         (select count(*)::int from tickets) as tickets,
         (select count(distinct seat)::int from tickets) as seats,
         (select coalesce(json_object_agg(state, n), '{}') from
           (select state, count(*)::int as n from orders group by state) as by_state) as orders,
         (select count(*)::int from payments where state = 'captured') as captured`,
    );
    const [row] = rows;
    if (!row) throw new Error('PostgreSQL answered nothing');
    return row;
  }

  async stop(): Promise<void> {
    running.delete(this);
    await this.books.close();
    await this.shop.stop();
    await this.database.end();
    await this.#admin.query(`drop database ${this.namespace} with (force)`);
    for (const service of this.#roles.keys()) {
      await this.#admin.query(`drop role ${roleName(this.namespace, service)}`);
    }
    await this.#admin.end();
  }
}

/** The database as `main.ts migrate` prepares it, and its address for each role. */
async function rolesOf(database: pg.Pool, url: URL, namespace: string) {
  await migrate(database);
  const passwords = Object.fromEntries(databaseRoles.map((role) => [role, randomUUID()]));
  await setUpRoles(database, namespace, passwords);
  return new Map(
    databaseRoles.map((role): [string, string] => {
      const own = new URL(url);
      own.username = roleName(namespace, role);
      own.password = passwords[role] ?? '';
      return [role, own.href];
    }),
  );
}

/** Why a call was refused, in the contract's word for it; else `accepted`, or what went wrong. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'accepted',
    (reason) => reason,
  );
  return error instanceof Refused ? error.problem.code : String(error);
}

/** Runs `work` for each item, `width` at a time. */
export async function each<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await work(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
