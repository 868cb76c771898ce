import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type NativeServer, startPostgres } from '../../../test/backends.ts';
import { replicaLagCheck } from '../src/index.ts';
import { idleSignal, silencingProxy, until } from './support.ts';

let primary: NativeServer;
let replica: NativeServer;
let wire: Awaited<ReturnType<typeof silencingProxy>>;
let primaryPool: pg.Pool;
let replicaPool: pg.Pool;

beforeAll(async () => {
  primary = await startPostgres();
  wire = await silencingProxy(primary.port);
  const url = new URL(primary.url);
  url.port = String(wire.port);
  replica = await startPostgres({ replicaOf: { url: url.href, folder: primary.folder } });
  [primaryPool, replicaPool] = [primary, replica].map(({ url }) => {
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    pool.on('error', () => undefined);
    return pool;
  }) as [pg.Pool, pg.Pool];
});
afterAll(async () => {
  await Promise.all([primaryPool?.end(), replicaPool?.end()]);
  await replica?.stop();
  await wire?.[Symbol.asyncDispose]();
  await primary?.stop();
});

/** The formula that is found everywhere, and its usual repair; in ms. */
async function usualFormulas(): Promise<{ age: number; repaired: number }> {
  const { rows } = await replicaPool.query(`select
    extract(epoch from now() - pg_last_xact_replay_timestamp()) * 1000 as age,
    case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
      else extract(epoch from now() - pg_last_xact_replay_timestamp()) * 1000 end as repaired`);
  return { age: Math.round(rows[0].age), repaired: Math.round(rows[0].repaired) };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('the heartbeat is right where the usual formulas are wrong: idle, cut and healed', async () => {
  const source = replicaLagCheck(primaryPool, replicaPool, { maxLagMs: 1_000 });
  const lag = async () => ((await source.check(idleSignal)) as { lagMs: number }).lagMs;
  // The first beat makes the table, which has to arrive before there is anything to see.
  await until(async () => (await lag().catch(() => 9_999)) < 50);

  await pause(1_500);
  const idle = await usualFormulas();
  const idleLag = await lag();
  console.log(
    `idle 1.5 s: formula ${idle.age} ms, repaired ${idle.repaired} ms, heartbeat ${idleLag} ms`,
  );
  expect(idle.age).toBeGreaterThan(1_400);
  expect(idleLag).toBeLessThan(1_000);

  // The wire between them goes dead: the replica lives, and nothing arrives.
  wire.cut();
  await lag().catch(() => undefined);
  await pause(1_500);
  const cut = await usualFormulas();
  const failure = await lag().then(String, (error: Error) => error.message);
  console.log(`cut 1.5 s: repaired formula ${cut.repaired} ms, heartbeat says "${failure}"`);
  expect(cut.repaired).toBe(0);
  expect(failure).toMatch(/^the replica is \d{4} ms behind, allowed 1000$/);
  expect(Number(/\d{4}/.exec(failure)?.[0])).toBeGreaterThan(1_400);

  wire.heal();
  await until(async () => (await lag().catch(() => 9_999)) < 100, 20_000);
  await source.close?.();
});

test('a clock that is set back on the primary hides a cut for no longer than the cut lasts', async () => {
  const table = 'beats_of_the_future';
  const source = replicaLagCheck(primaryPool, replicaPool, { table, maxLagMs: 500 });
  const check = async () => (await source.check(idleSignal)) as { lagMs: number };
  await until(async () => (await check().catch(() => ({ lagMs: 9_999 }))).lagMs < 50);
  // As it would be had the beat been written before the clock was set back by an hour.
  await primaryPool.query(`update ${table} set beat = beat + interval '1 hour'`);
  const ahead = async () => {
    const { rows } = await replicaPool.query(`select beat > now() as ahead from ${table}`);
    return rows[0].ahead as boolean;
  };
  await until(ahead);
  wire.cut();
  expect((await check()).lagMs).toBeLessThan(500);
  await pause(600);
  await expect(check).rejects.toThrow(/^the replica is \d{3,4} ms behind, allowed 500$/);
  wire.heal();
  await until(async () => (await check().catch(() => ({ lagMs: 9_999 }))).lagMs < 100, 20_000);
  await source.close?.();
});

test('many instances that start at once make one table between them, and none fails', async () => {
  const sources = Array.from({ length: 8 }, () =>
    replicaLagCheck(primaryPool, replicaPool, { table: 'public.beats_at_once' }),
  );
  // Until the table has arrived on the replica there is nothing to see there.
  await until(async () => {
    const results = await Promise.allSettled(sources.map((one) => one.check(idleSignal)));
    return results.every(({ status }) => status === 'fulfilled');
  });
  const { rows } = await primaryPool.query('select count(*)::int as n from beats_at_once');
  expect(rows).toEqual([{ n: 1 }]);
  await Promise.all(sources.map((one) => one.close?.()));
});

test('a primary that is really a replica refuses the beat, and that is the failure', async () => {
  const source = replicaLagCheck(replicaPool, primaryPool);
  await expect(async () => source.check(idleSignal)).rejects.toThrow('read-only transaction');
  await source.close?.();
});

test('names that are no table, and a lag too small to be seen, are refused', () => {
  const table = 'beats; drop table events';
  expect(() => replicaLagCheck(primaryPool, replicaPool, { table })).toThrow(
    '`table` to be a lower-case name',
  );
  expect(() => replicaLagCheck(primaryPool, replicaPool, { maxLagMs: 10 })).toThrow(
    '`maxLagMs` of at least 50, got 10',
  );
  expect(() => replicaLagCheck(primaryPool, {} as never)).toThrow('`replica` to be a pg Pool');
});
