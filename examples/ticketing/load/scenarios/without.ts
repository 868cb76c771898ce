/**
 * The same driver with and without what each package does: a slow provider with the circuit breaker off, the
 * sale by naive SQL, pages with the cache off, a process that is stopped without draining.
 */
import pg from 'pg';
import { paths } from '../../addresses.ts';
import { atLeast, atMost, claims, exactly } from '../claims.ts';
import { putFaults } from '../faults.ts';
import { FrontDoor } from '../front-door.ts';
import { pause } from '../pause.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { ask, type Shopper } from '../shopper.ts';
import type { Stage } from '../stage.ts';

const orders = 60;
const ordersPerSecond = 3;
const tickets = 100;
const reads = 1_000;
const readsPerSecond = 100;

export async function withoutScenario(stage: Stage): Promise<ScenarioResult> {
  const both = async <T>(name: string, run: (isOn: boolean) => Promise<T>): Promise<[T, T]> =>
    stage.progress.step(name, async () => [await run(true), await run(false)]);
  const [calm, storm] = await both('slow provider', (isOn) => slowProvider(stage, isOn));
  const [held, naive] = await both('sale', (isOn) =>
    isOn ? saleByHolds(stage) : saleByNaiveSql(stage),
  );
  const [cached, loaded] = await both('pages', (isOn) => pages(stage, isOn));
  const [drained, killed] = await both('stop', (isOn) => stop(stage, isOn));
  const vain = ((calm.requests - orders) / (storm.requests - orders)) * 100;
  const [inVain, slows] = ['requests in vain to a slow provider', 'the provider slows to 30 s'];
  const paid = calm.paid + storm.paid;
  const loads = (cached.loads / loaded.loads) * 100;
  const perPage = 'reads of the database for a page';
  return resultOf(
    'without',
    stage,
    claims('without', '50,000 people, 1,000 tickets', [
      [`${inVain}, with the breaker, of those without`, vain, atMost(50), '%', slows],
      [
        'orders paid in the end, with and without',
        paid,
        exactly(2 * orders),
        '',
        'nothing is lost',
      ],
      ['tickets oversold by soft-hold', held - tickets, exactly(0)],
      ['tickets oversold by naive SQL', naive - tickets, atLeast(1)],
      [
        `${perPage}, with the cache, of those without`,
        loads,
        atMost(20),
        '%',
        '80 % less origin load',
      ],
      ['calls lost when a front is drained', drained, exactly(0), '', 'graceful shutdown'],
      ['calls lost when it is just killed', killed, atLeast(1), '', 'graceful shutdown'],
    ]),
    [
      `slow provider (6 s a charge), ${orders} orders: with the breaker ${calm.requests} requests and all paid ${calm.recoveredSeconds} s after it was well again; without ${storm.requests} and ${storm.recoveredSeconds} s`,
      `${tickets} tickets, ${4 * tickets} buyers: by soft-hold ${held} sold, by a count and an update ${naive}`,
      `${reads} pages: with the cache p50 ${cached.p50Ms} ms, p99 ${cached.p99Ms} ms, ${cached.loads} loads; without p50 ${loaded.p50Ms} ms, p99 ${loaded.p99Ms} ms, ${loaded.loads} loads`,
      `a front of two is stopped at ${4 * readsPerSecond} calls a second, none of which is tried again: drained ${drained} lost, killed ${killed}`,
    ],
  );
}

/** What a provider that is unwell has to bear, and how soon the orders are paid once it is well. */
async function slowProvider(stage: Stage, isOn: boolean) {
  const { fleet, recorder, signal } = stage;
  const slug = `proof-provider-${isOn}`;
  recorder.enter(`slow provider, breaker ${isOn ? 'on' : 'off'}`);
  for (const { process } of fleet.workers) process.tell('breaker', isOn);
  const seats = await stage.putOnSale(slug, orders);
  const shoppers = await stage.shoppers(orders);
  const requests = async () => {
    const stats = await fetch(`${fleet.pspUrl}/stats`);
    return ((await stats.json()) as { requests: number }).requests;
  };
  const before = await requests();
  await putFaults(fleet.pspUrl, { latencyMs: 6_000 });
  let paid = 0;
  const buyers = stage.arrive(ordersPerSecond, orders, async (index, intendedAt) => {
    const shopper = shoppers[index] as Shopper;
    const held = await shopper.hold(slug, seats[index] as string, { intendedAt });
    if (held === undefined || typeof held === 'string') return;
    if ((await shopper.buy(held.id, 90_000)).end === 'paid') paid += 1;
  });
  await pause((orders / ordersPerSecond) * 1_000, signal);
  await putFaults(fleet.pspUrl, { latencyMs: 200 });
  const wellAt = performance.now();
  await buyers;
  const recoveredSeconds = Math.round((performance.now() - wellAt) / 100) / 10;
  // those that nobody waits for any more are counted when they are done
  await pause(7_000, signal);
  const made = (await requests()) - before;
  for (const { process } of fleet.workers) process.tell('breaker', true);
  return { requests: made, paid, recoveredSeconds };
}

/** How many of four times as many buyers get one of the tickets. */
async function saleByHolds(stage: Stage): Promise<number> {
  stage.recorder.enter('sale by holds');
  const seats = await stage.putOnSale('proof-holds', tickets);
  const shoppers = await stage.shoppers(4 * tickets);
  const held = await Promise.all(
    shoppers.map((shopper, index) => shopper.hold('proof-holds', seats[index % tickets] as string)),
  );
  return held.filter((one) => typeof one === 'object').length;
}

/** As it is written the first time: look whether there is one, then take it. */
async function saleByNaiveSql(stage: Stage): Promise<number> {
  const shop = new pg.Pool({ connectionString: stage.servers.postgres.url, max: 20 });
  try {
    await shop.query('create table naive (total int, sold int)');
    await shop.query('insert into naive values ($1, 0)', [tickets]);
    const bought = await Promise.all(
      Array.from({ length: 4 * tickets }, async () => {
        const { rows } = await shop.query<{ free: boolean }>(
          'select sold < total as free from naive',
        );
        if (!rows[0]?.free) return false;
        await shop.query('update naive set sold = sold + 1');
        return true;
      }),
    );
    return bought.filter(Boolean).length;
  } finally {
    await shop.end();
  }
}

async function pages(stage: Stage, isOn: boolean) {
  const { door, recorder, fleet, signal, database } = stage;
  const slug = 'proof-provider-true';
  for (const { process } of fleet.fronts) process.tell('cache', isOn);
  await pause(500, signal);
  const loads = async () => {
    // PostgreSQL tells its counters once a second
    await pause(1_500, signal);
    const { rows } = await database.query<{ reads: string }>(
      `select seq_scan + coalesce(idx_scan, 0) as reads from pg_stat_user_tables where relname = 'events'`,
    );
    return Number(rows[0]?.reads);
  };
  const before = await loads();
  const phase = `pages, cache ${isOn ? 'on' : 'off'}`;
  recorder.enter(phase);
  await stage.arrive(readsPerSecond, reads, (_index, intendedAt) =>
    ask(door, recorder, { kind: 'event page', path: paths.event(slug), intendedAt }),
  );
  const made = (await loads()) - before;
  for (const { process } of fleet.fronts) process.tell('cache', true);
  const { p50Ms, p99Ms } = recorder.total((name) => name === phase);
  return { loads: made, p50Ms, p99Ms };
}

/** Calls that nobody has answered while one front of two ends and is started again. */
async function stop(stage: Stage, isOn: boolean): Promise<number> {
  const { fleet, signal, recorder } = stage;
  recorder.enter(`a front is ${isOn ? 'drained' : 'killed'}`);
  const door = new FrontDoor(() => fleet.fronts.map(({ url }) => url), { tries: 1, signal });
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let lost = 0;
  const perSecond = 4 * readsPerSecond;
  const read = async () => {
    const answer = await door.call({ path: paths.event('proof-holds') }).catch(() => undefined);
    if (answer?.status !== 200) lost += 1;
  };
  const reading = stage.arrive(perSecond, perSecond * 120, read, until);
  try {
    // between two probes of the door, not at one
    await pause(1_100, signal);
    const [victim] = fleet.fronts;
    if (victim) fleet.signal(victim, isOn ? 'SIGTERM' : 'SIGKILL');
    await pause(3_000, signal);
    await fleet.allReady();
  } finally {
    over.abort();
    await reading;
    await door.close();
  }
  return lost;
}
