import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NativeServer, startPostgres } from '../../../test/backends.ts';
import { Health, pgCheck, pgPoolCheck } from '../src/index.ts';
import { ANSWERED_WITHIN_MS, idleSignal, until } from './support.ts';

let server: NativeServer;
let pool: pg.Pool;

beforeAll(async () => {
  server = await startPostgres({ settings: { max_connections: '20' } });
});
afterAll(() => server.stop());

function newPool(max: number): pg.Pool {
  const created = new pg.Pool({ connectionString: server.url, max });
  // A restart breaks idle connections; the pool replaces them.
  created.on('error', () => undefined);
  return created;
}

beforeAll(async () => {
  pool = newPool(3);
  await pool.query('create table events (id int primary key, name text)');
  await pool.query("insert into events values (1, 'Opening night')");
});
afterAll(() => pool.end());

const query = 'select id, name from events limit 1';
const expectOne = (rows: readonly { name: string }[]) => rows[0]?.name === 'Opening night';

/** A Health over one pgCheck, whose every probe is a run. */
function watched(options: object = {}) {
  const health = new Health({ service: 'orders' });
  const source = pgCheck<{ name: string }>(pool, { query, expect: expectOne });
  health.check('db', source, {
    scope: 'local',
    ttlMs: 0,
    failAfter: 1,
    recoverAfter: 1,
    ...options,
  });
  const probe = async () => {
    const startedAt = performance.now();
    const { status, checks } = await health.readiness();
    return { status, reason: checks[0]?.reason, ms: performance.now() - startedAt };
  };
  return { health, probe, [Symbol.asyncDispose]: () => health.close() };
}

describe('pgCheck', () => {
  test('asks for real rows over one connection of its own, which it keeps', async () => {
    const source = pgCheck<{ name: string }>(pool, { query, expect: expectOne });
    const count = async () =>
      Number(
        (await pool.query('select count(*) from pg_stat_activity where datname is not null'))
          .rows[0].count,
      );
    const before = await count();
    for (let run = 0; run < 5; run++) expect(await source.check(idleSignal)).toEqual({ rows: 1 });
    expect(await count()).toBe(before + 1);
    await source.close?.();
    await until(async () => (await count()) === before);
  });

  test('is a failure when the rows are not what was expected', async () => {
    const wrong = pgCheck(pool, { query, expect: () => false });
    await expect(wrong.check(idleSignal)).rejects.toMatchObject({ code: 'ERR_UNEXPECTED_DATA' });
    await wrong.close?.();
    const none = pgCheck(pool, { query: 'select 1 where $1', values: [false] });
    await expect(none.check(idleSignal)).rejects.toThrow('unexpected rows (0 of them)');
    await none.close?.();
  });

  test('a full pool is not mistaken for a slow database, which pgPoolCheck tells apart', async () => {
    await using db = watched();
    await db.probe();
    const busy = newPool(2);
    const held = await Promise.all([busy.connect(), busy.connect()]);
    const health = new Health({ service: 'orders' });
    const limits = { ttlMs: 0, failAfter: 1, recoverAfter: 1 };
    health.check('pool', pgPoolCheck(busy, { windowMs: 300 }), limits);
    const waiting = [busy.query(query), busy.query(query)];
    expect((await health.readiness()).status).toBe('pass');
    await new Promise((resolve) => setTimeout(resolve, 400));
    const pooled = await health.readiness();
    const { status, ms } = await db.probe();
    expect([pooled.status, status]).toEqual(['fail', 'pass']);
    expect(pooled.checks[0]?.reason).toMatch(
      /^2 callers wait for a connection of 2, without a break/,
    );
    expect(ms).toBeLessThan(500);
    for (const client of held) client.release();
    await Promise.all(waiting);
    expect((await health.readiness()).status).toBe('pass');
    await Promise.all([health.close(), busy.end()]);
  });

  test('a paused server is answered for in time, 20 probes make one call, and it recovers', async () => {
    await using db = watched({ ttlMs: 100 });
    expect((await db.probe()).status).toBe('pass');
    await new Promise((resolve) => setTimeout(resolve, 150));
    server.pause();
    try {
      const first = await db.probe();
      expect(first).toMatchObject({ status: 'fail', reason: 'no answer within 500 ms' });
      expect(first.ms).toBeLessThan(ANSWERED_WITHIN_MS);
      const probes = await Promise.all(Array.from({ length: 20 }, () => db.probe()));
      for (const probe of probes) expect(probe.ms).toBeLessThan(ANSWERED_WITHIN_MS);
    } finally {
      server.resume();
    }
    await until(async () => (await db.probe()).status === 'pass');
  });

  test('a restarted server is well again at the first run: the broken connection is replaced', async () => {
    // a server that has just started may take a while for its first connection, and slow is a warning
    await using db = watched({ warnMs: 500 });
    expect((await db.probe()).status).toBe('pass');
    await server.restart();
    expect((await db.probe()).status).toBe('pass');
  });

  test('a server that only lets one read is found by a query that says so', async () => {
    const writable =
      "select id, name from events where current_setting('transaction_read_only') = 'off' limit 1";
    const source = pgCheck(pool, { query: writable });
    expect(await source.check(idleSignal)).toEqual({ rows: 1 });
    const readOnly = async (value: 'on' | 'off') => {
      await pool.query(`alter role postgres set default_transaction_read_only = ${value}`);
      await pool.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()',
      );
    };
    await readOnly('on');
    // A plain query still has its rows.
    const plain = pgCheck(pool, { query });
    expect(await plain.check(idleSignal)).toEqual({ rows: 1 });
    await expect(async () => source.check(idleSignal)).rejects.toThrow('unexpected rows (0 of');
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query('set default_transaction_read_only = off');
    await client.query('alter role postgres reset default_transaction_read_only');
    await client.end();
    await source.close?.();
    await plain.close?.();

    await using replica = await startPostgres({ replicaOf: server });
    const replicaPool = new pg.Pool({ connectionString: replica.url, max: 1 });
    const onReplica = pgCheck(replicaPool, { query: writable });
    await expect(async () => onReplica.check(idleSignal)).rejects.toThrow('unexpected rows (0 of');
    await onReplica.close?.();
    await replicaPool.end();
  });

  test('a server that is down is refused, without its password in the reason', async () => {
    await using db = watched();
    await db.probe();
    await server.kill();
    const { status, reason } = await db.probe();
    expect([status, reason]).toEqual(['fail', expect.stringMatching(/ECONNREFUSED|terminated/)]);
    expect(reason).not.toContain(new URL(server.url).password);
    await server.start();
    await until(async () => (await db.probe()).status === 'pass');
  });

  test('a server without a free connection is a failure', async () => {
    const clients: pg.Client[] = [];
    const superuserPool = newPool(1);
    await superuserPool.query("create role app login password 'hunter2hunter2'");
    await superuserPool.query('grant select on events to app');
    const url = new URL(server.url);
    url.username = 'app';
    url.password = 'hunter2hunter2';
    try {
      for (;;) {
        const client = new pg.Client({ connectionString: url.href });
        client.on('error', () => undefined);
        await client.connect();
        clients.push(client);
      }
    } catch {
      // max_connections is reached for this role
    }
    const appPool = new pg.Pool({ connectionString: url.href, max: 1 });
    const source = pgCheck(appPool, { query });
    await expect(async () => source.check(idleSignal)).rejects.toThrow(/connection|clients/);
    await Promise.all(clients.map((client) => client.end()));
    await until(async () => {
      try {
        await source.check(idleSignal);
        return true;
      } catch {
        return false;
      }
    });
    await Promise.all([source.close?.(), appPool.end(), superuserPool.end()]);
  });

  test.each([
    [{}, { query }, '`pool` to be a pg Pool'],
    [{ options: {} }, { query }, '`pool` to be a pg Pool'],
  ])('%j is refused', (notPool, options, message) => {
    expect(() => pgCheck(notPool as never, options)).toThrow(message);
  });

  test('a query of nothing and an expectation that is no function are refused', () => {
    expect(() => pgCheck(pool, { query: ' ' })).toThrow('`query` not to be empty');
    expect(() => pgCheck(pool, { query, expect: true as never })).toThrow(
      '`expect` to be a function',
    );
  });
});

test('1,000 probes at once cost at most 3 queries, one at a time', async () => {
  const name = `evenkeel_probe_${process.pid}`;
  const labelled = new pg.Pool({ connectionString: server.url, application_name: name });
  const health = new Health({ service: 'orders' });
  let running = 0;
  let most = 0;
  let calls = 0;
  const source = pgCheck(labelled, { query: 'select pg_sleep(0.05)' });
  const counted = {
    ...source,
    async check(signal: AbortSignal) {
      calls++;
      most = Math.max(most, ++running);
      return Promise.resolve(source.check(signal)).finally(() => running--);
    },
  };
  health.check('db', counted);
  await Promise.all(Array.from({ length: 1_000 }, () => health.readiness()));
  expect([calls <= 3, most]).toEqual([true, 1]);
  await health.close();
  await labelled.end();
});
