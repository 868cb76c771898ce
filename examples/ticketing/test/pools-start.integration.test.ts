import { ReadWriteRouter } from '@evenkeel/health/postgres';
import { TieredCache } from '@evenkeel/tiered-cache';
import { Redis } from 'ioredis';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  backends,
  startKafka,
  startPostgres,
  startRedis,
  uniqueName,
} from '../../../test/backends.ts';
import { Catalog } from '../services/catalog/catalog.ts';
import { openQueue } from '../services/connections.ts';
import { openDatabase, warmUp } from '../services/database.ts';
import { insist } from '../services/insist.ts';
import { Pools } from '../services/inventory/pools.ts';
import { migrate } from '../services/migrations/migrate.ts';
import { chargeJob } from '../services/orders/charge-job.ts';

const name = uniqueName('pools_start');
const admin = new pg.Pool({ connectionString: backends().databaseUrl, max: 1 });
const url = new URL(backends().databaseUrl);
url.pathname = `/${name}`;
// it is dropped with force in the end: what its last connections are told then ends no process
const database = openDatabase({
  ...{ url: url.href, connections: 4 },
  ...{ service: name, onError: () => {} },
});

beforeAll(async () => {
  await admin.query(`create database ${name}`);
  await migrate(database);
  await database.query(
    `insert into events (slug, title, tagline, venue, city, starts_at, currency)
     values ('early', 'Early', 'Soon.', 'Hall', 'Town', now(), 'EUR');
     insert into categories (event, sku, name, price_cents, position) values ('early', 'all', 'All', 100, 1);
     insert into seat_rows (event, row, sku, seats) values ('early', 'A', 'all', 20)`,
  );
});
afterAll(async () => {
  await database.end();
  await admin.query(`drop database if exists ${name} with (force)`);
  await admin.end();
});

it('a process that starts without Redis waits for it, and has every sale open then', async () => {
  const server = await startRedis({});
  const { port } = server;
  await server.kill();
  const redis = new Redis(server.url, { maxRetriesPerRequest: 1, retryStrategy: () => 50 });
  redis.on('error', () => {});
  const waits: string[] = [];
  const pools = new Pools({
    ...{ redis, database, namespace: name },
    ...{ ttlMs: 60_000, graceMs: 1_000, seatsPerBuyer: 4 },
  });
  const opening = pools.openAllAtStart(({ code }) => waits.push(code));
  await expect.poll(() => waits.length).toBeGreaterThan(1);
  expect(new Set(waits)).toEqual(new Set(['ERR_HOLD_UNAVAILABLE']));
  const back = await startRedis({ port });
  try {
    await opening;
    const early = await pools.of('early');
    const items = [{ sku: 'all', seats: ['A-1'] }];
    expect(await early.hold({ id: 'one', holder: 'first', items })).toMatchObject({
      status: 'held',
    });
  } finally {
    await pools.close();
    redis.disconnect();
    await back.stop();
    await server.stop();
  }
});

it('an event that somebody asked for before it was there is in the caches when its process has started', async () => {
  const redis = new Redis(backends().redisUrl);
  const cache = new TieredCache({ namespace: name, redis });
  const catalog = new Catalog({ cache, database: new ReadWriteRouter({ primary: database }) });
  try {
    const missing = { problem: { code: 'not_found' } };
    await expect(catalog.event('late')).rejects.toMatchObject(missing);
    await expect(catalog.warm('late')).rejects.toMatchObject(missing);
    await database.query(
      `insert into events (slug, title, tagline, venue, city, starts_at, currency)
       values ('late', 'Late', 'At last.', 'Hall', 'Town', now(), 'EUR')`,
    );
    await expect(catalog.event('late')).rejects.toMatchObject(missing);
    expect(await catalog.warm('late')).toMatchObject({ slug: 'late' });
    expect(await catalog.event('late')).toMatchObject({ slug: 'late' });
  } finally {
    await cache.close();
    redis.disconnect();
  }
});

it('a process that starts while PostgreSQL restarts waits for that, and for no other failure', async () => {
  await using server = await startPostgres();
  const own = openDatabase({
    ...{ url: server.url, connections: 3 },
    ...{ service: name, onError: () => {} },
  });
  try {
    await warmUp(own);
    await server.kill();
    const waits: unknown[] = [];
    const started = insist(
      async () => {
        await warmUp(own);
        return (await own.query<{ one: number }>('select 1 as one')).rows;
      },
      (why) => waits.push(why),
    );
    await expect.poll(() => waits.length).toBeGreaterThan(1);
    await server.restart();
    expect(await started).toEqual([{ one: 1 }]);
    const known = waits.length;
    await expect(insist(() => own.query('select nothing'))).rejects.toMatchObject({
      code: '42703',
    });
    expect(waits).toHaveLength(known);
  } finally {
    await own.end();
  }
});

it('a process that starts while Kafka restarts waits for that', { timeout: 120_000 }, async () => {
  await using server = await startKafka();
  const redis = new Redis(backends().redisUrl);
  const stores = { redis, database, namespace: name, brokers: [server.url] };
  const queue = openQueue(stores, name, pino({ enabled: false }));
  try {
    // connected already, so that it is cut in the middle
    await queue.ensureTopics([chargeJob]);
    await server.kill();
    const waits: unknown[] = [];
    const started = insist(
      () => queue.ensureTopics([chargeJob]),
      (why) => waits.push(why),
    );
    await expect.poll(() => waits.length, { timeout: 20_000 }).toBeGreaterThan(0);
    await server.restart();
    await started;
  } finally {
    await queue.close();
    redis.disconnect();
  }
});
