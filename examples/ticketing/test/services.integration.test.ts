/** Each service in a process of its own, with a database role of its own, by the same code. */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backends } from '../../../test/backends.ts';
import { paths } from '../addresses.ts';
import { sellFirstTicket } from '../launcher/first-ticket.ts';
import { Regions } from '../services/auth/regions.ts';
import { databaseRoles } from '../services/migrations/roles.ts';
import { slug, TestShop } from './test-shop.ts';

let shop: TestShop;
beforeAll(async () => {
  const env = {
    PSP_LATENCY_MS: '50',
    DATABASE_CONNECTIONS: '4',
    WARM_UP_MS: '800',
    LOG_LEVEL: 'info',
  };
  shop = await TestShop.start(env, 'apart');
});
afterAll(() => shop?.stop());

/** What a role may not do is refused by PostgreSQL, whatever our code does. */
async function refusal(service: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: shop.databaseUrlOf(service) });
  await client.connect();
  try {
    await client.query(sql);
    return 'allowed';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end();
  }
}

/** What a process that was killed says of itself until it is ready again. */
async function readinessOf(url: string): Promise<string[]> {
  const said: string[] = [];
  const ask = (path: string) => fetch(url + path).catch(() => undefined);
  while (said.at(-1) !== 'ready') {
    const [ready, alive] = await Promise.all([ask('/ready'), ask('/live')]);
    const word = ready?.ok ? 'ready' : 'alive, not ready';
    if ((ready?.ok || alive?.ok) && said.at(-1) !== word) said.push(word);
    await sleep(20);
  }
  return said;
}

describe('services in processes of their own', () => {
  it('sell a ticket together, from login to verified signature', async () => {
    const { order } = await sellFirstTicket(shop.url, slug);
    expect(order).toMatchObject({ state: 'paid', step: 'done' });
    await expect.poll(async () => (await shop.pspStats()).captured).toBe(1);
    expect(await shop.verify()).toEqual({ ok: true, differences: [] });
  });

  it('are users of the database with rights of their own', async () => {
    const { rows } = await shop.database.query<{ service: string; role: string }>(
      `select distinct application_name as service, usename as role from pg_stat_activity
       where datname = current_database() and application_name in
         ('gateway', 'auth', 'catalog', 'inventory', 'orders', 'payments', 'notifications') order by 1`,
    );
    expect(rows).toEqual(
      databaseRoles.toSorted().map((service) => ({
        service,
        role: `${shop.namespace}_${service}`,
      })),
    );
  });

  it.each([
    ['catalog', 'select password_hash from users'],
    ['inventory', 'select email from users'],
    ['gateway', "update orders set state = 'paid', completed_at = now()"],
    ['gateway', 'delete from soft_hold.outcome where false; select * from payments'],
    ['auth', 'select * from orders'],
    ['orders', 'insert into tickets (id, order_id) values (gen_random_uuid(), gen_random_uuid())'],
    ['orders', 'delete from orders'],
    ['payments', 'update users set name = name'],
    ['notifications', 'select password_hash from users'],
    ['notifications', 'select * from payments'],
    ['notifications', "update orders set state = 'refunded'"],
    ['notifications', 'select code from tickets'],
    ['payments', 'create table mine (id int)'],
    ['catalog', 'truncate events'],
  ])('%s may not: %s', async (service, sql) => {
    expect(await refusal(service, sql)).toMatch(/permission denied/);
  });

  it('leave the rest of the shop standing when one of them is killed, and it comes back', async () => {
    const victim = shop.shop.process('orders');
    const buyer = await shop.buyer();
    process.kill(victim.pid as number, 'SIGKILL');
    const comesBack = readinessOf(shop.shop.addressOf('orders'));
    expect((await fetch(shop.url + paths.event(slug))).status).toBe(200);
    const hold = await buyer.hold(slug, ['C-1']);
    await expect
      .poll(() => buyer.order(hold.id).catch(() => undefined), { timeout: 30_000, interval: 200 })
      .toMatchObject({ state: 'processing' });
    await expect.poll(async () => (await shop.ledger()).tickets, { timeout: 30_000 }).toBe(3);
    // alive and not ready while it makes itself warm
    expect(await comesBack).toEqual(['alive, not ready', 'ready']);
  });

  it('make themselves warm and leave nothing of it behind', async () => {
    const redis = new Redis(backends().redisUrl);
    const sessions = await redis.keys(`${shop.namespace}:session:of:*`);
    redis.disconnect();
    const { rows } = await shop.database.query<{ people: number; orders: number; holds: number }>(
      `select (select count(*)::int from users where email like '%warm-up%') as people,
         (select count(*)::int from orders) as orders, (select count(*)::int from tickets) as tickets`,
    );
    expect({ sessions: sessions.length, ...rows[0] }).toEqual({
      ...{ sessions: 1, people: 0, orders: 2, tickets: 3 },
    });
    // of a gateway these are visits over WebSockets
    const line = shop.log.find((text) => text.includes('gateway is warm'));
    expect(Number(/"passes":(\d+)/.exec(line ?? '')?.[1])).toBeGreaterThan(3);
  });

  it('claim an address at the same moment, as two that start together do, and neither ends of it', async () => {
    const pool = new pg.Pool({ connectionString: shop.databaseUrlOf('auth'), max: 2 });
    const auth = (database: Pick<pg.Pool, 'query'>) =>
      new Regions({ own: 'eu', all: ['eu', 'us'], urls: {}, secret: 'of both', database });
    const email = `${randomUUID()}@example.com`;
    const [first, second] = [await pool.connect(), await pool.connect()];
    await first.query('begin');
    await auth(first).claim(email, 'eu');
    const claim = auth(second).claim(email, 'eu');
    const waiting = `select from pg_stat_activity where usename = $1 and wait_event_type = 'Lock'`;
    const role = `${shop.namespace}_auth`;
    await expect.poll(async () => (await shop.database.query(waiting, [role])).rowCount).toBe(1);
    await first.query('commit');
    await claim;
    await expect(auth(second).claim(email, 'us')).rejects.toMatchObject({
      problem: { code: 'email_taken' },
    });
    for (const client of [first, second]) client.release();
    await pool.end();
  });

  it('answer 503 with a problem for a service that is away', async () => {
    await shop.shop.process('auth').stop();
    const answer = await fetch(shop.url + paths.refresh, { method: 'POST' });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'unavailable', retryAfterMs: 1_000 });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect((await fetch(shop.url + paths.ticketKey)).status).toBe(200);
  });

  it('do not start on a database that lacks a table, and say who can help', async () => {
    await shop.database.query("delete from migrations where name like '0003%'");
    const { migrateIfAllowed } = await import('../services/migrations/migrate.ts');
    const pool = new pg.Pool({ connectionString: shop.databaseUrlOf('catalog'), max: 1 });
    try {
      await expect(migrateIfAllowed(pool)).rejects.toThrow(
        'The database lacks 0003-orders.sql: run `main.ts migrate` as its owner',
      );
    } finally {
      await pool.end();
    }
  });
});

it('a role whose right was taken out of the table loses it at the next migration', async () => {
  const { setUpRoles } = await import('../services/migrations/roles.ts');
  await shop.database.query(`grant select on users to ${shop.namespace}_catalog`);
  expect(await refusal('catalog', 'select name from users')).toBe('allowed');
  await setUpRoles(shop.database, shop.namespace, { auth: randomBytes(12).toString('hex') });
  expect(await refusal('catalog', 'select name from users')).toMatch(/permission denied/);
});
