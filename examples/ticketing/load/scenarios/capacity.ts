/**
 * What each operation costs, in CPU of the service that answers it and of each server behind it, at a
 * rate at which nothing queues; and how many cores that makes for the story's crowd and for ten of them.
 * CPU is counted by the kernel, so a machine that is busy with other things gives the same prices.
 */
import { randomUUID } from 'node:crypto';
import { paths, testCards } from '../../addresses.ts';
import { claim } from '../claims.ts';
import { arrive } from '../open-model.ts';
import { pause } from '../pause.ts';
import { crowdPassword } from '../people.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { type Ask, ask } from '../shopper.ts';
import type { Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';

const slug = 'proof-capacity';
/** a pod that is this busy still has room for the second in which everybody comes */
const utilisation = 0.6;

export type CapacitySize = { calls: number; perSecond: number };
type Operation = {
  kind: string;
  service: string;
  /** calls a second with 150,000 active buyers */
  storyPerSecond: number;
  call: (index: number) => Omit<Ask, 'kind'>;
};
type Price = {
  kind: string;
  service: string;
  storyPerSecond: number;
  cpuMs: Map<string, number>;
  p50Ms: number;
};

export async function capacityScenario(stage: Stage, size: CapacitySize): Promise<ScenarioResult> {
  const { people, recorder, progress, fleet, database } = stage;
  const { calls } = size;
  const ids = await people.add(calls);
  const tokens = await Promise.all(ids.map((id) => people.token(id)));
  const seats = await stage.putOnSale(slug, calls);
  await stage.putOnSale(`${slug}-room`, 1, {
    hasWaitingRoom: true,
    opensAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  const holds: string[] = [];
  const operations: Operation[] = [
    {
      kind: 'event page',
      service: 'catalog',
      storyPerSecond: 5_000,
      call: () => ({ path: paths.event(slug) }),
    },
    {
      kind: 'log in',
      service: 'auth, without the hash',
      storyPerSecond: 833,
      call: (index) => ({
        method: 'POST',
        path: paths.session,
        body: { email: `${ids[index]}@example.com`, password: crowdPassword },
      }),
    },
    {
      kind: 'join',
      service: 'inventory',
      storyPerSecond: 2_500,
      call: (index) => ({
        method: 'POST',
        path: paths.waitingTicket(`${slug}-room`),
        token: tokens[index],
      }),
    },
    {
      kind: 'hold',
      service: 'inventory',
      storyPerSecond: 200,
      call: (index) => {
        const id = randomUUID();
        holds[index] = id;
        const body = { id, event: slug, seats: [seats[index]] };
        return { method: 'POST', path: paths.holds, token: tokens[index], body };
      },
    },
    {
      kind: 'order',
      service: 'orders, payments, notifications',
      storyPerSecond: 200,
      call: (index) => {
        const body = { id: randomUUID(), holdId: holds[index], card: testCards.good };
        return { method: 'POST', path: paths.orders, token: tokens[index], body };
      },
    },
  ];

  const prices: Price[] = [];
  for (const operation of operations) {
    if (stage.signal.aborted) break;
    prices.push(await progress.step(operation.kind, () => priceOf(stage, operation, size)));
  }
  const books = await readBooks(fleet, database, 30_000);
  const wrong = recorder.total().counts.wrong;
  return resultOf(
    'capacity',
    stage,
    [
      claim('capacity', 'operations priced', 'scale each service by itself', prices.length, {
        exactly: operations.length,
      }),
      claim(
        'capacity',
        'proofs that failed',
        'scale each service by itself',
        books.proofs.filter(({ holds }) => !holds).length,
        { exactly: 0 },
      ),
      claim('capacity', 'wrong answers', 'scale each service by itself', wrong, { exactly: 0 }),
    ],
    [
      ...prices.map(({ kind, service, cpuMs, p50Ms }) => {
        const parts = [...cpuMs].map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(', ');
        return `${kind} (${service}): CPU ms a call: ${parts}; p50 ${p50Ms} ms`;
      }),
      ...projection(prices, 1, '150,000 active buyers'),
      ...projection(prices, 10, 'ten times as many'),
    ],
  );
}

/** CPU a call, less what the same processes use when nobody calls. */
async function priceOf(
  stage: Stage,
  operation: Operation,
  { calls, perSecond }: CapacitySize,
): Promise<Price> {
  const { door, recorder, meter, random, signal } = stage;
  recorder.enter(`${operation.kind}: idle`);
  meter.sample(recorder.phase);
  const idleMs = 3_000;
  await pause(idleMs, signal);
  meter.sample(recorder.phase);
  recorder.enter(operation.kind);
  const begin = performance.now();
  await arrive({ perSecond, count: calls, random, signal }, (index, intendedAt) =>
    ask(door, recorder, { kind: operation.kind, intendedAt, ...operation.call(index) }),
  );
  // what was accepted is worked off: its work is part of the price
  for (let wait = 0; wait < 60 && !signal.aborted; wait += 1) {
    await pause(500, signal);
    if ((await openOrders(stage)) === 0) break;
  }
  meter.sample(recorder.phase);
  const tookMs = performance.now() - begin;
  const cpuMs = new Map<string, number>();
  for (const { phase, process, cpuSeconds } of meter.figures) {
    const name = process.replace(/-\d+$/, '');
    if (name === 'driver' || name === 'stand-ins') continue;
    const sign =
      phase === operation.kind ? 1 : phase === `${operation.kind}: idle` ? -tookMs / idleMs : 0;
    if (sign !== 0) cpuMs.set(name, (cpuMs.get(name) ?? 0) + (sign * cpuSeconds * 1_000) / calls);
  }
  const { kind, service, storyPerSecond } = operation;
  const { p50Ms } = recorder.total((phase) => phase === kind);
  return { kind, service, storyPerSecond, cpuMs, p50Ms };
}

async function openOrders({ database }: Stage): Promise<number> {
  const { rows } = await database.query<{ open: number }>(
    `select count(*)::int as open from orders where state = 'processing'`,
  );
  return rows[0]?.open ?? 0;
}

/** Cores = calls a second x CPU seconds a call / utilisation, by service and by server. */
function projection(prices: Price[], times: number, who: string): string[] {
  const cores = new Map<string, number>();
  for (const { service, storyPerSecond, cpuMs } of prices) {
    for (const [name, ms] of cpuMs) {
      const where =
        name === 'front' ? service : name === 'worker' ? 'payments, notifications' : name;
      const needed = (times * storyPerSecond * Math.max(0, ms)) / 1_000 / utilisation;
      cores.set(where, (cores.get(where) ?? 0) + needed);
    }
  }
  const parts = [...cores].map(([where, needed]) => `${where} ${needed.toFixed(1)}`);
  return [`cores at ${utilisation * 100} % for ${who}: ${parts.join('; ')}`];
}
