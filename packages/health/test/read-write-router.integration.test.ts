import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NativeServer, startPgBouncer, startPostgres } from '../../../test/backends.ts';
import { ReadWriteRouter, type ReadWriteRouterOptions } from '../src/postgres.ts';
import { caughtUp, delay, one, stale } from './replication.ts';
import { silencingProxy, until } from './support.ts';

/**
 *     clients --> PgBouncer "primary"  --> primary
 *             --> PgBouncer "replicas" --> fast (127.0.0.1) and slow (127.0.0.2), in turn, as one
 *
 * In transaction mode two statements of a client may be answered by two different replicas.
 */
let primary: NativeServer;
let fast: NativeServer;
let slow: NativeServer;
let wire: Awaited<ReturnType<typeof silencingProxy>>;
let pooler: NativeServer;
const pools: pg.Pool[] = [];

function poolOf(url: string, max = 10): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
  pool.on('error', () => undefined);
  pools.push(pool);
  return pool;
}

const pooled = (name: string) => `${pooler.url}/${name}`;
const ms = (count: number) => new Promise((resolve) => setTimeout(resolve, count));

beforeAll(async () => {
  primary = await startPostgres();
  wire = await silencingProxy(primary.port);
  const { folder } = primary;
  const url = primary.url.replace(`:${primary.port}/`, `:${wire.port}/`);
  fast = await startPostgres({ replicaOf: { url, folder } });
  slow = await startPostgres({
    replicaOf: { url: primary.url, folder },
    port: fast.port,
    settings: { listen_addresses: '127.0.0.2' },
  });
  Object.defineProperty(slow, 'url', { value: slow.url.replace('127.0.0.1', '127.0.0.2') });
  const both = fast.url.replace('@127.0.0.1:', '@127.0.0.1,127.0.0.2:');
  pooler = await startPgBouncer({ databases: { primary: primary.url, replicas: both } });
  await one(primary.url, 'create table seats (id int primary key, taken_by int)');
  await caughtUp(primary, fast, slow);
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end().catch(() => undefined)));
  for (const server of [pooler, slow, fast, primary]) await server?.stop();
  await wire?.[Symbol.asyncDispose]();
});

function routed(options: Partial<ReadWriteRouterOptions> = {}) {
  return new ReadWriteRouter({
    primary: poolOf(pooled('primary'), 20),
    replicas: [poolOf(pooled('replicas'), 20)],
    ...options,
  });
}

const take = 'insert into seats values ($1, $2) on conflict (id) do update set taken_by = $2';
const look = 'select taken_by from seats where id = $1';
describe('read your own writes, through a PgBouncer in transaction mode', () => {
  test('0 of 1,000 own writes are read stale with an injected replay delay, where a naive split reads most', async () => {
    // One replica is 20 ms behind, one 300 ms, and the pooler deals them out.
    await delay(fast, 20);
    await delay(slow, 300);
    const [writes, reads] = [poolOf(pooled('primary')), poolOf(pooled('replicas'))];
    const seen = async (seat: number) => (await reads.query(look, [seat])).rows[0]?.taken_by;
    const naive = await stale(1_000, async (seat, visitor) => {
      await writes.query(take, [seat, visitor]);
      return seen(seat);
    });
    // The same gate as ours, but not on the connection that reads.
    const loose = await stale(200, async (seat, visitor) => {
      await writes.query(take, [seat, visitor]);
      const { lsn } = (await writes.query('select pg_current_wal_insert_lsn() as lsn')).rows[0];
      for (const end = performance.now() + 50; performance.now() < end; await ms(3)) {
        const gate = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as ok';
        if ((await reads.query(gate, [lsn])).rows[0].ok) return seen(seat);
      }
      return (await writes.query(look, [seat])).rows[0]?.taken_by;
    });
    await using router = routed({ maxFallbacks: 10 });
    const gated = await stale(1_000, async (seat, visitor) => {
      const writer = router.session();
      await writer.write((db) => db.query(take, [seat, visitor]));
      // The next request of the same visitor, on another instance.
      const reader = router.session(writer.token);
      return (await reader.read((db) => db.query(look, [seat]))).rows[0]?.taken_by;
    });
    const { reads: count } = router.snapshot();
    console.log(
      `stale of 1,000 own writes: naive split ${naive}, router ${gated} ` +
        `(${count.replica} by a replica, ${count.primary} by the primary); gate on another connection ${loose} of 200`,
    );
    expect(naive).toBeGreaterThan(500);
    expect(loose).toBeGreaterThan(0);
    expect(gated).toBe(0);
    expect(count.replica).toBeGreaterThan(100);
    expect(count.replica + count.primary).toBe(1_000);
    await delay(fast, 0);
    await delay(slow, 0);
  });

  test('waits no longer than waitMs, then the primary answers; without a token nobody waits', async () => {
    await delay(fast, 10_000);
    await using router = routed({ replicas: [poolOf(fast.url)], waitMs: 200 });
    const session = router.session();
    await session.write((db) => db.query(take, [77, 1]));
    const startedAt = performance.now();
    expect((await session.read((db) => db.query(look, [77]))).rows).toEqual([{ taken_by: 1 }]);
    const waitedMs = performance.now() - startedAt;
    expect(waitedMs).toBeGreaterThan(190);
    expect(waitedMs).toBeLessThan(1_500);
    expect((await router.read((db) => db.query(look, [77]))).rows).toEqual([]);
    expect(router.snapshot().reads).toEqual({ replica: 1, primary: 1, behind: 1, refused: 0 });
    await delay(fast, 0);
  });

  test('a read cannot write, a write that fails is rolled back, and nothing is used after its end', async () => {
    await using router = routed();
    await expect(router.read((db) => db.query(take, [1, 1]))).rejects.toMatchObject({
      code: '25006',
    });
    const session = router.session();
    const failing = session.write(async (db) => {
      await db.query(take, [50, 1]);
      throw new Error('no money');
    });
    await expect(failing).rejects.toThrow('no money');
    const careless = session.write(async (db) => {
      await db.query(take, [50, 1]);
      await db.query('select 1 / 0').catch(() => undefined);
    });
    await expect(careless).rejects.toMatchObject({ code: 'ERR_ROLLED_BACK' });
    expect(session.token).toBe('0-0'); // it came from the commit: the primary will tell
    expect((await session.read((db) => db.query(look, [50]))).rows).toEqual([]);
    expect(session.token).toMatch(/^1-[0-9a-f]+$/);
    const kept = await router.read(async (db) => db);
    await expect(kept.query('select 1')).rejects.toThrow('has ended');
  });

  test('isolation is the one asked for, and READ COMMITTED for reads whatever the default', async () => {
    const show = 'show transaction isolation level';
    const strict = [primary, fast].map((server) =>
      poolOf(`${server.url}?options=-c%20default_transaction_isolation%3Drepeatable%5C%20read`),
    ) as [pg.Pool, pg.Pool];
    await using cautious = routed({ primary: strict[0], replicas: [strict[1]] });
    const byDefault = await cautious.write((db) => db.query(show));
    expect(byDefault.rows[0]).toEqual({ transaction_isolation: 'repeatable read' });
    for (const session of [cautious.session(), cautious.session('0-0')]) {
      const { rows } = await session.read((db) => db.query(show));
      expect(rows[0]).toEqual({ transaction_isolation: 'read committed' });
    }
    expect(cautious.snapshot().reads).toMatchObject({ replica: 1, primary: 1 });
    await using router = routed();
    const asked = await router.write((db) => db.query(show), { isolation: 'serializable' });
    expect(asked.rows[0]).toEqual({ transaction_isolation: 'serializable' });
    await expect(
      router.write((db) => db.query(show), { isolation: 'chaos; drop' as never }),
    ).rejects.toThrow('`isolation` to be one of');
  });

  test('warns once of what does not work behind a pooler, and says nothing without one', async () => {
    await using router = routed();
    const codes: string[] = [];
    router.on('warning', ({ code }) => codes.push(code));
    for (let round = 0; round < 2; round++) {
      await router.write(async (db) => {
        await db.query({ text: 'select 1' });
        await db.query('set local lock_timeout = 1000');
        await db.query('select pg_advisory_xact_lock(1)');
        await db.query('listen nobody');
        await db.query('set lock_timeout = 0');
        await db.query('select pg_advisory_lock(7)');
        await db.query('select pg_advisory_unlock(7)');
      });
    }
    const named = { name: `by-id-${process.pid}`, text: look, values: [1] };
    await router.read((db) => db.query(named));
    expect(codes.sort()).toEqual([
      'POOLER_LISTEN',
      'POOLER_NAMED_STATEMENT',
      'POOLER_SESSION_LOCK',
      'POOLER_SESSION_SETTING',
    ]);
    await using direct = routed({ primary: poolOf(primary.url), replicas: [] });
    direct.on('warning', ({ code }) => codes.push(code));
    await direct.write((db) => db.query('listen nobody'));
    expect(codes.length).toBe(4);
  });

  test('a connection that breaks in the commit leaves the outcome open: the primary is asked', async () => {
    await using router = routed({ primary: poolOf(primary.url) });
    await one(
      primary.url,
      `create function sleepy() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return null; end $$;
       create table slow_commits (id int);
       create constraint trigger sleepy after insert on slow_commits deferrable initially deferred
         for each row execute function sleepy()`,
    );
    const session = router.session();
    let backend = 0;
    const write = session.write(async (db) => {
      backend = (await db.query('select pg_backend_pid() as pid')).rows[0].pid;
      await db.query('insert into slow_commits values (1)');
    });
    const outcome = write.catch((error: Error) => error.message);
    await until(async () => {
      const activity = `select count(*)::int as n from pg_stat_activity where pid = ${backend} and query ~ '^commit'`;
      return (await one<{ n: number }>(primary.url, activity)).n === 1;
    });
    await one(primary.url, `select pg_terminate_backend(${backend})`);
    expect(await outcome).toMatch(/terminat/);
    expect(session.token).toBe('0-0');
    const before = router.snapshot().reads.primary;
    const ask = 'select count(*)::int as n from slow_commits';
    expect((await session.read((db) => db.query(ask))).rows).toEqual([{ n: 0 }]);
    expect(router.snapshot().reads.primary).toBe(before + 1);
  });

  test('an application without the right to look at the receiver is served by the replica all the same', async () => {
    await one(
      primary.url,
      "create role app login password 'app-of-the-shop'; grant all on seats to app",
    );
    await caughtUp(primary, fast);
    const asApp = (url: string) => poolOf(url.replace(/\/\/[^@]*@/, '//app:app-of-the-shop@'));
    await using router = routed({ primary: asApp(primary.url), replicas: [asApp(fast.url)] });
    const session = router.session();
    await session.write((db) => db.query(take, [60, 3]));
    await caughtUp(primary, fast);
    expect((await session.read((db) => db.query(look, [60]))).rows).toEqual([{ taken_by: 3 }]);
    expect(router.snapshot().reads).toMatchObject({ replica: 1, primary: 0 });
  });
});

describe('replicas that are behind, dead or hanging', () => {
  const timing = { watchMs: 50, maxLagMs: 400 };

  test('one that is too far behind is left out, and comes back by a lower bar', async () => {
    await delay(fast, 3_000);
    const changes: string[] = [];
    await using router = routed({ ...timing, replicas: [poolOf(fast.url)] });
    router.on('replica', ({ to, reason }) => changes.push(`${to} ${reason ?? ''}`.trim()));
    let isWriting = true;
    const writing = (async () => {
      while (isWriting) {
        await router.write((db) => db.query(take, [1, 1]));
        await ms(10);
      }
    })();
    await until(() => changes.length === 1);
    expect(changes[0]).toMatch(/^ejected \d+ ms behind, allowed 400$/);
    const before = router.snapshot().reads.primary;
    await router.read((db) => db.query(look, [1]));
    expect(router.snapshot().reads.primary).toBe(before + 1);
    await delay(fast, 0);
    await until(() => changes.length === 2, 20_000);
    expect(changes[1]).toBe('serving');
    isWriting = false;
    await writing;
  });

  test('one that is killed costs no read, is left out, and comes back', async () => {
    await using router = routed({ ...timing, replicas: [poolOf(fast.url)], maxFallbacks: 10 });
    const read = () => router.read((db) => db.query('select pg_sleep(0.02), 1 as fine'));
    let isReading = true;
    let answered = 0;
    const reading = Array.from({ length: 5 }, async () => {
      while (isReading) answered += (await read()).rows[0].fine;
    });
    await until(() => answered > 20);
    await fast.kill();
    await until(() => router.snapshot().replicas[0]?.isServing === false);
    const atDeath = answered;
    await until(() => answered > atDeath + 20);
    await fast.start();
    await until(() => router.snapshot().replicas[0]?.isServing === true, 20_000);
    const { replica } = router.snapshot().reads;
    await until(() => router.snapshot().reads.replica > replica + 20);
    isReading = false;
    await Promise.all(reading); // none was rejected
  });

  test('one that hangs is given up within openMs, and no more reads than allowed go to the primary', async () => {
    await using router = routed({
      replicas: [poolOf(fast.url)],
      watchMs: 60_000,
      openMs: 300,
      maxFallbacks: 1,
    });
    await router.read((db) => db.query(look, [1]));
    fast.pause();
    try {
      const startedAt = performance.now();
      await router.read((db) => db.query(look, [1]));
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      expect(router.snapshot().replicas[0]).toMatchObject({
        isServing: false,
        reason: 'no connection and position within 300 ms',
      });
      const two = [1, 2].map(() => router.read((db) => db.query('select pg_sleep(0.2)')));
      const outcomes = await Promise.allSettled(two);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      expect(outcomes[1]).toMatchObject({ reason: { code: 'ERR_FALLBACK_FULL', limit: 1 } });
      expect(router.snapshot()).toMatchObject({ reads: { refused: 1 }, fallbacks: 0 });
    } finally {
      fast.resume();
    }
  });

  test("what the caller's own code throws is nobody's fault but its own, and runs once", async () => {
    await using router = routed({ replicas: [poolOf(fast.url)] });
    let runs = 0;
    const read = router.read(async () => {
      runs++;
      throw Object.assign(new Error('another server'), { code: 'ECONNREFUSED' });
    });
    await expect(read).rejects.toThrow('another server');
    expect([runs, router.snapshot().replicas[0]?.isServing]).toEqual([1, true]);
  });
});

describe('a promotion', () => {
  test('an old token is answered right, and a replica of the old timeline is not taken for one of the new', async () => {
    const [oldPool, fastPool, slowPool] = [primary.url, fast.url, slow.url].map((url) =>
      poolOf(url),
    ) as [pg.Pool, pg.Pool, pg.Pool];
    await using before = new ReadWriteRouter({ primary: oldPool, replicas: [fastPool] });
    const visitor = before.session();
    await visitor.write((db) => db.query(take, [90, 1]));
    const oldToken = visitor.token;
    await caughtUp(primary, fast, slow);
    // The one is cut off; the other goes on receiving: its log becomes longer than that of the one to be promoted.
    wire.cut();
    await one(primary.url, 'create table lost as select generate_series(1, 50000) as n');
    await caughtUp(primary, slow);
    await one(fast.url, 'select pg_promote()');

    // By mistake: the old primary lives on. Its replicas' list holds a primary now, which is left out.
    expect((await visitor.read((db) => db.query(look, [90]))).rows).toEqual([{ taken_by: 1 }]);
    expect(before.snapshot().replicas[0]).toMatchObject({
      isServing: false,
      reason: 'it is a primary, not a replica',
    });

    // The fail-over: the new primary, with the replica that still follows the old one.
    await primary.kill();
    await using after = new ReadWriteRouter({ primary: fastPool, replicas: [slowPool] });
    const returning = after.session(oldToken);
    await returning.write((db) => db.query(take, [91, 2]));
    expect(returning.token).toMatch(/^2-[0-9a-f]+$/);
    const { lsn } = await one<{ lsn: string }>(slow.url, 'select pg_last_wal_replay_lsn() as lsn');
    const { lsn: promoted } = await one<{ lsn: string }>(
      fast.url,
      'select pg_current_wal_lsn() as lsn',
    );
    console.log(
      `token ${returning.token} at ${promoted}; the replica of the old timeline is at ${lsn}`,
    );
    const { ahead } = await one<{ ahead: boolean }>(
      fast.url,
      `select '${lsn}'::pg_lsn > '${promoted}'::pg_lsn as ahead`,
    );
    expect(ahead).toBe(true); // by the number alone it would have the write
    expect((await returning.read((db) => db.query(look, [91]))).rows).toEqual([{ taken_by: 2 }]);
    expect(after.snapshot().reads).toMatchObject({ replica: 0, primary: 1 });

    // The token of the old timeline: whoever still is on it has that write. Where nobody is, the primary answers, and
    // the session goes on from there.
    const other = after.session(oldToken);
    expect((await other.read((db) => db.query(look, [90]))).rows).toEqual([{ taken_by: 1 }]);
    await using alone = new ReadWriteRouter({ primary: fastPool });
    const last = alone.session(oldToken);
    expect((await last.read((db) => db.query(look, [90]))).rows).toEqual([{ taken_by: 1 }]);
    expect(last.token).toMatch(/^2-/);
    // Whoever is still connected to the old primary is told.
    await primary.start();
    await using stuck = new ReadWriteRouter({ primary: poolOf(primary.url) });
    const late = stuck.session(returning.token);
    const error = { code: 'ERR_STALE_PRIMARY', message: expect.stringContaining('timeline 1') };
    await expect(late.read((db) => db.query(look, [91]))).rejects.toMatchObject(error);
    await expect(late.write((db) => db.query(take, [91, 3]))).rejects.toMatchObject(error);
    await using wrong = new ReadWriteRouter({ primary: slowPool });
    await expect(wrong.write((db) => db.query(take, [1, 1]))).rejects.toMatchObject({
      code: 'ERR_STALE_PRIMARY',
      message: expect.stringContaining('standby'),
    });
  });
});
