/** A region with replicas of its own: what it reads there, and what it does when it is cut off from the rest. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  backends,
  type NativeServer,
  startPostgres,
  startRedis,
  uniqueName,
} from '../../../test/backends.ts';
import { paths } from '../addresses.ts';
import type { EventPage } from '../contract.ts';
import { Buyer, Refused } from '../launcher/buyer.ts';
import { sellFirstTicket } from '../launcher/first-ticket.ts';
import { freePort } from '../launcher/ports.ts';
import { Shop } from '../launcher/shop.ts';
import { AccessTokens } from '../services/auth/access-token.ts';
import { firstNight } from '../services/catalog/seed.ts';
import type { Charges } from '../services/fake-psp/charges.ts';
import { Books } from './books.ts';

const secret = 'the secret of the region, long enough';
const servers: NativeServer[] = [];
let redis: { master: NativeServer; near: NativeServer };
let postgres: { primary: NativeServer; replica: NativeServer };
let replica: pg.Pool;
let shop: Shop;
let organiser: Buyer;

const keep = async (server: Promise<NativeServer>) => {
  servers.push(await server);
  return servers.at(-1) as NativeServer;
};

beforeAll(async () => {
  const chain = async () => {
    const master = await keep(startRedis());
    redis = { master, near: await keep(startRedis({ replicaOf: master })) };
  };
  const databases = async () => {
    const primary = await keep(startPostgres());
    postgres = { primary, replica: await keep(startPostgres({ replicaOf: primary })) };
  };
  await Promise.all([chain(), databases()]);
  replica = new pg.Pool({ connectionString: postgres.replica.url, max: 1 });
  replica.on('error', () => {});
  shop = await Shop.prepare({
    port: await freePort(),
    env: {
      REDIS_URL: redis.master.url,
      REDIS_READ_URLS: redis.near.url,
      DATABASE_URL: postgres.primary.url,
      DATABASE_REPLICA_URL: postgres.replica.url,
      KAFKA_BROKERS: backends().kafkaBrokers,
      NAMESPACE: uniqueName('region'),
      ACCESS_TOKEN_SECRET: secret,
      PASSWORD_COST_LOG2: '6',
      PSP_LATENCY_MS: '20',
      WORKER_SESSION_TIMEOUT_MS: '6000',
      LOG_LEVEL: 'silent',
    },
  });
  await shop.start();
  const id = randomUUID();
  const tokens = new AccessTokens({ secret, ttlMs: 900_000 });
  const user = { id, email: `${id}@example.com`, name: 'Organiser', region: 'eu' } as const;
  const { accessToken } = await tokens.issue({ ...user, role: 'organiser' });
  organiser = new Buyer(shop.url, accessToken);
}, 120_000);

afterEach(async () => {
  const database = new pg.Pool({ connectionString: postgres.primary.url, max: 2 });
  const captured = async () => {
    const answer = await fetch(`${shop.pspUrl}/stats`);
    return ((await answer.json()) as ReturnType<Charges['stats']>).captured;
  };
  const books = new Books({ database, redisUrl: redis.master.url, captured });
  await books.areWhole().finally(() => books.close());
  await database.end();
});

afterAll(async () => {
  await shop?.stop();
  await replica?.end();
  await Promise.all(servers.reverse().map((server) => server.stop()));
});

async function putOnSale(slug: string): Promise<void> {
  await organiser.call('POST', paths.organiser.events, {
    slug,
    title: 'Second night',
    tagline: 'The same three storms.',
    venue: 'Lantern House',
    city: 'Port Merrow',
    startsAt: new Date(Date.now() + 86_400_000).toISOString(),
    opensAt: null,
    hasWaitingRoom: false,
    admitPerSecond: 50,
    currency: 'EUR',
    categories: [{ sku: 'all', name: 'All', priceCents: 1_000, rows: [{ row: 'A', seats: 10 }] }],
  });
}

const priceOf = ({ categories: [category] }: EventPage) => category?.priceCents;
const readsFrom = async (where: string) => {
  const text = await (await fetch(`${shop.url}/metrics`)).text();
  return Number(
    new RegExp(`^ticketing_replica_reads\\{from="${where}".* (\\d+)$`, 'm').exec(text)?.[1],
  );
};
const readiness = async () => {
  const answer = await fetch(`${shop.url}/ready`);
  return { status: answer.status, body: await answer.text() };
};

describe('a region with replicas of its own', { timeout: 90_000 }, () => {
  it('reads pages from them: the row from PostgreSQL’s, what is kept from Redis’s', async () => {
    expect((await organiser.event(firstNight.slug)).title).toBe(firstNight.title);
    expect(await readsFrom('replica')).toBeGreaterThan(0);
    const near = new Redis(redis.near.url);
    await expect.poll(() => near.keys(`*event:${firstNight.slug}*`)).not.toEqual([]);
    near.disconnect();
    expect(await readiness()).toMatchObject({ status: 200 });
  });

  it('answers a change with what was changed, while the replica has not heard of it yet', async () => {
    const slug = uniqueName('night').replaceAll('_', '-');
    await putOnSale(slug);
    await replica.query('select pg_wal_replay_pause()');
    try {
      const change = { priceCents: 2_500 };
      const path = paths.organiser.price(slug, 'all');
      const answer = await organiser.call<EventPage>('PUT', path, change);
      expect(priceOf(answer)).toBe(2_500);
      expect(priceOf(await organiser.event(slug))).toBe(2_500);
      const old = await replica.query('select price_cents from categories where event = $1', [
        slug,
      ]);
      expect(old.rows).not.toEqual([{ price_cents: 2_500 }]);
    } finally {
      await replica.query('select pg_wal_replay_resume()');
    }
  });

  it('is cut off: it shows every page, says plainly that it cannot sell, and sells when it is back', async () => {
    const slug = uniqueName('unseen').replaceAll('_', '-');
    await putOnSale(slug);
    await expect
      .poll(
        async () => (await replica.query('select from events where slug = $1', [slug])).rowCount,
      )
      .toBe(1);
    const [seat = ''] = ['A-1'];
    const hold = await organiser.hold(slug, [seat]);
    await Promise.all([redis.master.kill(), postgres.primary.kill()]);
    try {
      expect((await organiser.event(firstNight.slug)).title).toBe(firstNight.title);
      expect((await organiser.event(slug)).title).toBe('Second night');
      const refused = await organiser.order(hold.id).catch((error) => error);
      expect(refused).toBeInstanceOf(Refused);
      expect(refused.status).toBe(503);
      expect(refused.problem.code).toBe('unavailable');
      expect(refused.problem.message).not.toMatch(/ECONN|redis|postgres|127\.0/i);
    } finally {
      await Promise.all([redis.master.restart(), postgres.primary.restart()]);
    }
    const sell = () =>
      sellFirstTicket(shop.url, firstNight.slug).then(
        ({ order }) => order.state,
        (error) => String(error),
      );
    await expect.poll(sell, { timeout: 60_000, interval: 500 }).toBe('paid');
  });
});
