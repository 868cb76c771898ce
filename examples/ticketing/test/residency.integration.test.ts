/** Three regions of one shop: what names a person is at home, and nowhere else. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { backends, uniqueName } from '../../../test/backends.ts';
import { paths } from '../addresses.ts';
import { type Region, regions, type Session } from '../contract.ts';
import { Buyer, Refused } from '../launcher/buyer.ts';
import { freePort } from '../launcher/ports.ts';
import { Shop } from '../launcher/shop.ts';
import { Books } from './books.ts';
import { slug } from './test-shop.ts';

const namespace = uniqueName('regions');
/** One Redis database each: the sale's, and the regions' own. */
const redisNumbers = { sale: 0, eu: 11, us: 12, au: 13 } as const;
type Store = keyof typeof redisNumbers;
const stores = Object.keys(redisNumbers) as Store[];
const databaseOf = (store: Store) => (store === 'sale' ? namespace : `${namespace}_${store}`);
const log: Record<Region, string[]> = { eu: [], us: [], au: [] };
const shops = {} as Record<Region, Shop>;
const admin = new pg.Pool({ connectionString: backends().databaseUrl, max: 1 });

const databaseUrl = (store: Store) => {
  const url = new URL(backends().databaseUrl);
  url.pathname = `/${databaseOf(store)}`;
  return url.href;
};
const redisUrl = (store: Store) => {
  const url = new URL(backends().redisUrl);
  url.pathname = `/${redisNumbers[store]}`;
  return url.href;
};

beforeAll(async () => {
  for (const store of stores) await admin.query(`create database ${databaseOf(store)}`);
  const port = { eu: await freePort(), us: await freePort(), au: await freePort() };
  const front = (region: Region) => `http://127.0.0.1:${port[region]}`;
  for (const region of regions) {
    shops[region] = await Shop.prepare({
      port: port[region],
      env: {
        REGION: region,
        REGIONS: regions.join(),
        EU_URL: front('eu'),
        US_URL: front('us'),
        AU_URL: front('au'),
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
      onLine: (service, line) => log[region].push(`${service}: ${line}`),
    });
  }
  // one after the other: they bring the same database up to date
  for (const region of regions) await shops[region].start();
}, 180_000);

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
  await Promise.all(Object.values(shops).map((shop) => shop.stop()));
  for (const store of stores) {
    const redis = new Redis(redisUrl(store));
    const keys = await redis.keys(`*${namespace}*`);
    if (keys.length > 0) await redis.del(...keys);
    redis.disconnect();
  }
  for (const store of stores) {
    await admin.query(`drop database if exists ${databaseOf(store)} with (force)`);
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

/** Every message of every topic of this shop; all regions read the same Kafka. */
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
  const consumer = kafka.consumer({ groupId: `${namespace}.auditor.${randomUUID()}` });
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

type Person = { name: string; email: string; seats: string[]; door: Region; session: Session };
const password = 'a password to look for';
/** One of each home, who knocks at the door of another region: what they are asked for, and what they were given. */
const people = {} as Record<Region, Person & { cookie: string }>;
const cases: Record<Region, Pick<Person, 'name' | 'seats' | 'door'>> = {
  eu: { name: 'Wilhelmina Farnsworth', seats: ['A-1', 'A-2'], door: 'au' },
  us: { name: 'Barnaby Thistlewood', seats: ['B-1'], door: 'eu' },
  au: { name: 'Marguerite Pennyfeather', seats: ['C-1'], door: 'us' },
};
const refresh = (door: Region, cookie: string) =>
  fetch(shops[door].url + paths.refresh, { method: 'POST', headers: { cookie } });
const paid = (buyer: Buyer, id: string) =>
  expect.poll(async () => (await buyer.readOrder(id)).state, { timeout: 40_000 }).toBe('paid');

describe.each(regions)('a buyer whose home is %s', (home) => {
  it('registers, logs in, refreshes and buys at the front door of another region', async () => {
    const { name, seats, door } = cases[home];
    const email = `${name.split(' ')[0]?.toLowerCase()}-${randomUUID()}@example.com`;
    const registration = await fetch(shops[door].url + paths.users, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, email, password, region: home }),
    });
    expect(registration.status).toBe(201);
    const session = (await registration.json()) as Session;
    expect(session.user).toMatchObject({ region: home, name });
    const [cookie = ''] = (registration.headers.getSetCookie()[0] ?? '').split(';');
    expect(cookie.startsWith(`session=${home}.`)).toBe(true);

    const refreshed = await refresh(door, cookie);
    expect(refreshed.status).toBe(200);
    const [next = ''] = (refreshed.headers.getSetCookie()[0] ?? '').split(';');
    const buyer = new Buyer(shops[door].url);
    await buyer.logIn(email, password);
    const { id } = await buyer.order((await buyer.hold(slug, seats)).id);
    await paid(buyer, id);
    const mails = async (region: Region) =>
      ((await (await fetch(`${shops[region].mailUrl}/messages`)).json()) as { to: string }[])
        .map(({ to }) => to)
        .filter((to) => to === email);
    await expect.poll(() => mails(home)).toEqual([email]);
    for (const other of regions) if (other !== home) expect(await mails(other)).toEqual([]);
    people[home] = { name, email, seats, door, session, cookie: next };
  });

  it('is told there the same as at home: taken address, wrong password', async () => {
    const { name, email, door } = people[home];
    const there = new Buyer(shops[door].url);
    const codeOf = async (promise: Promise<unknown>) => {
      const error = await promise.catch((reason) => reason);
      return error instanceof Refused ? error.problem.code : 'accepted';
    };
    expect(await codeOf(there.register(name, email, password))).toBe('email_taken');
    expect(await codeOf(there.logIn(email, 'wrong'))).toBe('unauthorized');
  });

  it('is in no store and no log of another region, nor in what all regions share', async () => {
    const { name, email, session } = people[home];
    const traces = [...name.split(' '), email, email.split('@')[0] ?? ''];
    const isIn = (text: string) => traces.some((trace) => text.includes(trace));
    // the search finds what is there
    expect(isIn(await rowsOf(home))).toBe(true);
    expect(isIn(await keysOf(home))).toBe(true);

    const elsewhere: Record<string, string> = { messages: (await messagesOf()).join('\n') };
    for (const store of stores.filter((store) => store !== home)) {
      elsewhere[`rows of ${store}`] = await rowsOf(store);
      elsewhere[`keys of ${store}`] = await keysOf(store);
    }
    for (const region of regions) elsewhere[`log of ${region}`] = log[region].join('\n');
    expect(elsewhere['rows of sale']).toContain(session.user.id);
    expect(elsewhere.messages).toContain('payment.charge');
    for (const [where, text] of Object.entries(elsewhere))
      expect([where, isIn(text)]).toEqual([where, false]);
  });
});

describe('a region that is cut off', () => {
  it('is named to those whose home it is, while everybody else goes on buying', async () => {
    await shops.us.stop();
    const answer = await refresh('eu', people.us.cookie);
    expect(answer.status).toBe(503);
    const { code, message } = (await answer.json()) as { code: string; message: string };
    expect([code, message]).toEqual([
      'unavailable',
      'Your account lives in region us, which cannot be reached at the moment.',
    ]);
    // a third region is reached as before
    expect((await refresh('eu', people.au.cookie)).status).toBe(200);
    for (const door of ['eu', 'au'] as const) {
      const local = new Buyer(shops[door].url);
      await local.register('Erik', `${randomUUID()}@example.com`, password);
      const seat = door === 'eu' ? 'D-1' : 'D-2';
      const { id } = await local.order((await local.hold(slug, [seat])).id);
      await paid(local, id);
    }
    // a token is good without its home: who is logged in may still buy
    const away = new Buyer(shops.eu.url, people.us.session.accessToken);
    await away.release((await away.hold(slug, ['D-3'])).id);
  });
});
