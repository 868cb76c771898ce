/** Two regions of one shop: what names a person is at home, and nowhere else. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { paths } from '../addresses.ts';
import type { Region, Session } from '../contract.ts';
import { Buyer, Refused } from '../launcher/buyer.ts';
import { freePort } from '../launcher/ports.ts';
import { Shop } from '../launcher/shop.ts';
import { Books } from './books.ts';
import { slug } from './test-shop.ts';

const namespace = uniqueName('regions');
/** One Redis database each: the sale's, and the two regions' own. */
const redisNumbers = { sale: 0, eu: 11, us: 12 } as const;
type Store = keyof typeof redisNumbers;
const databases = { sale: namespace, eu: `${namespace}_eu`, us: `${namespace}_us` };
const log: Record<string, string[]> = { eu: [], us: [] };
let shops: Record<'eu' | 'us', Shop>;
const admin = new pg.Pool({ connectionString: backends().databaseUrl, max: 1 });

const databaseUrl = (store: Store) => {
  const url = new URL(backends().databaseUrl);
  url.pathname = `/${databases[store]}`;
  return url.href;
};
const redisUrl = (store: Store) => {
  const url = new URL(backends().redisUrl);
  url.pathname = `/${redisNumbers[store]}`;
  return url.href;
};

beforeAll(async () => {
  for (const name of Object.values(databases)) await admin.query(`create database ${name}`);
  const [eu, us] = await Promise.all([freePort(), freePort()]);
  const front = { eu: `http://127.0.0.1:${eu}`, us: `http://127.0.0.1:${us}` };
  const prepare = (region: 'eu' | 'us', port: number) =>
    Shop.prepare({
      port,
      env: {
        REGION: region,
        REGIONS: 'eu,us',
        EU_URL: front.eu,
        US_URL: front.us,
        DATABASE_URL: databaseUrl('sale'),
        PEOPLE_DATABASE_URL: databaseUrl(region),
        REDIS_URL: redisUrl('sale'),
        PEOPLE_REDIS_URL: redisUrl(region),
        KAFKA_BROKERS: backends().kafkaBrokers,
        NAMESPACE: namespace,
        ACCESS_TOKEN_SECRET: 'the same secret in every region of it',
        PASSWORD_COST_LOG2: '6',
        PSP_LATENCY_MS: '20',
        MAIL_LATENCY_MS: '20',
        DATABASE_CONNECTIONS: '4',
        WORKER_SESSION_TIMEOUT_MS: '6000',
        // everything that the services have to say
        LOG_LEVEL: 'debug',
      },
      onLine: (service, line) => log[region]?.push(`${service}: ${line}`),
    });
  shops = { eu: await prepare('eu', eu), us: await prepare('us', us) };
  // one after the other: both bring the same database up to date
  await shops.eu.start();
  await shops.us.start();
});

afterEach(async () => {
  const database = new pg.Pool({ connectionString: databaseUrl('sale'), max: 2 });
  // each region has a provider of its own, and one of them goes with its shop
  const captured = async () => {
    const sql = "select count(*)::int as n from payments where state = 'captured'";
    return (await database.query<{ n: number }>(sql)).rows[0]?.n ?? 0;
  };
  const books = new Books({ database, redisUrl: redisUrl('sale'), captured });
  await books.areWhole().finally(() => books.close());
  await database.end();
});

afterAll(async () => {
  await Promise.all(Object.values(shops ?? {}).map((shop) => shop.stop()));
  for (const store of Object.keys(redisNumbers) as Store[]) {
    const redis = new Redis(redisUrl(store));
    const keys = await redis.keys(`*${namespace}*`);
    if (keys.length > 0) await redis.del(...keys);
    redis.disconnect();
  }
  for (const name of Object.values(databases)) {
    await admin.query(`drop database if exists ${name} with (force)`);
  }
  await admin.end();
});

/** Every row of every table as text. */
async function rowsOf(store: Store): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl(store) });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const text: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query(`select t::text as row from ${name} t`);
      text.push(...rows.map(({ row }) => row));
    }
    return text.join('\n');
  } finally {
    await client.end();
  }
}

/** Every key of this shop with all that is in it. */
async function keysOf(store: Store): Promise<string> {
  const redis = new Redis(redisUrl(store));
  try {
    const keys = await redis.keys(`*${namespace}*`);
    const text = await Promise.all(
      keys.map(async (key) => {
        const type = await redis.type(key);
        const read: Record<string, () => Promise<unknown>> = {
          string: () => redis.get(key),
          hash: () => redis.hgetall(key),
          set: () => redis.smembers(key),
          list: () => redis.lrange(key, 0, -1),
          zset: () => redis.zrange(key, '0', '-1'),
          stream: () => redis.xrange(key, '-', '+'),
        };
        const content = await read[type]?.();
        if (content === undefined) throw new Error(`Cannot look into ${key}, a ${type}`);
        return `${key} ${JSON.stringify(content)}`;
      }),
    );
    return text.join('\n');
  } finally {
    redis.disconnect();
  }
}

/** Every message of every topic of this shop; both regions read the same Kafka. */
async function messagesOf(): Promise<string[]> {
  const kafka = new Kafka({ brokers: [backends().kafkaBrokers], logLevel: logLevel.NOTHING });
  const adminClient = kafka.admin();
  await adminClient.connect();
  const topics = (await adminClient.listTopics()).filter((topic) => topic.startsWith(namespace));
  let expected = 0;
  for (const topic of topics) {
    for (const { high, low } of await adminClient.fetchTopicOffsets(topic)) {
      expected += Number(high) - Number(low);
    }
  }
  await adminClient.disconnect();
  const consumer = kafka.consumer({ groupId: `${namespace}.auditor` });
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  const messages: string[] = [];
  const done = new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ topic, message }) => {
        const headers = Object.entries(message.headers ?? {}).map(String);
        messages.push([topic, message.key, message.value, ...headers].map(String).join(' '));
        if (messages.length >= expected) resolve();
      },
    });
  });
  await done;
  await consumer.disconnect();
  return messages;
}

const person = {
  name: 'Wilhelmina Farnsworth',
  email: `wilhelmina-${randomUUID()}@example.com`,
  password: 'a password to look for',
};

describe('a buyer of another region', () => {
  let session: Session;
  let cookie: string;

  it('registers, logs in, refreshes and buys at any front door', async () => {
    const registration = await fetch(shops.eu.url + paths.users, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...person, region: 'us' }),
    });
    expect(registration.status).toBe(201);
    session = (await registration.json()) as Session;
    expect(session.user).toMatchObject({ region: 'us', name: person.name });
    [cookie = ''] = (registration.headers.getSetCookie()[0] ?? '').split(';');
    expect(cookie).toMatch(/^session=us\./);

    const refreshed = await fetch(shops.eu.url + paths.refresh, {
      method: 'POST',
      headers: { cookie },
    });
    expect(refreshed.status).toBe(200);
    const buyer = new Buyer(shops.eu.url);
    await buyer.logIn(person.email, person.password);
    const { id } = await buyer.order((await buyer.hold(slug, ['A-1', 'A-2'])).id);
    await expect
      .poll(async () => (await buyer.readOrder(id)).state, { timeout: 40_000 })
      .toBe('paid');
    const mails = async (region: 'eu' | 'us') =>
      (await (await fetch(`${shops[region].mailUrl}/messages`)).json()) as { to: string }[];
    await expect.poll(async () => (await mails('us')).map(({ to }) => to)).toEqual([person.email]);
    expect(await mails('eu')).toEqual([]);
  });

  it('is told the same as at home: taken address, wrong password, no such region', async () => {
    const eu = new Buyer(shops.eu.url);
    const codeOf = async (promise: Promise<unknown>) => {
      const error = await promise.catch((reason) => reason);
      return error instanceof Refused ? error.problem.code : 'accepted';
    };
    const { name, email, password } = person;
    expect(await codeOf(eu.register(name, email, password))).toBe('email_taken');
    expect(await codeOf(eu.logIn(email, 'wrong'))).toBe('unauthorized');
    const elsewhere = { ...person, email: 'x@example.com', region: 'au' satisfies Region };
    expect(await codeOf(eu.call('POST', paths.users, elsewhere))).toBe('invalid_input');
  });

  it('is in no store and no log of the other region, nor in what all regions share', async () => {
    const traces = ['Wilhelmina', 'Farnsworth', person.email, person.email.split('@')[0] ?? ''];
    const isIn = (text: string) => traces.some((trace) => text.includes(trace));
    // the search finds what is there
    expect(isIn(await rowsOf('us'))).toBe(true);
    expect(isIn(await keysOf('us'))).toBe(true);

    const elsewhere = {
      'rows of the sale': await rowsOf('sale'),
      'rows of eu': await rowsOf('eu'),
      'keys of the sale': await keysOf('sale'),
      'keys of eu': await keysOf('eu'),
      messages: (await messagesOf()).join('\n'),
      'log of eu': (log.eu ?? []).join('\n'),
      'log of us': (log.us ?? []).join('\n'),
    };
    expect(elsewhere['rows of the sale']).toContain(session.user.id);
    expect(elsewhere.messages).toContain('payment.charge');
    for (const [where, text] of Object.entries(elsewhere))
      expect([where, isIn(text)]).toEqual([where, false]);
  });

  it('whose home is cut off is told so plainly, while everybody else goes on buying', async () => {
    await shops.us.stop();
    const answer = await fetch(shops.eu.url + paths.refresh, {
      method: 'POST',
      headers: { cookie },
    });
    expect(answer.status).toBe(503);
    const { code, message } = (await answer.json()) as { code: string; message: string };
    expect([code, message]).toEqual([
      'unavailable',
      'Your account lives in region us, which cannot be reached at the moment.',
    ]);
    const local = new Buyer(shops.eu.url);
    await local.register('Erik', `${randomUUID()}@example.com`, person.password);
    const { id } = await local.order((await local.hold(slug, ['C-1'])).id);
    await expect
      .poll(async () => (await local.readOrder(id)).state, { timeout: 40_000 })
      .toBe('paid');
    // a token is good without its home: who is logged in may still buy
    const away = new Buyer(shops.eu.url, session.accessToken);
    await away.release((await away.hold(slug, ['C-2'])).id);
  });
});
