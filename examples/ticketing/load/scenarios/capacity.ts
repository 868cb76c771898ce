/**
 * What each operation costs, in CPU of the service that answers it and of each server behind it, at a rate at which
 * nothing queues; at which rate one process is at its end; and what that makes for the story's crowd and ten of them.
 * CPU is counted by the kernel, so a machine that is busy with other things gives the same prices; the knee it does move.
 */
import { randomUUID } from 'node:crypto';
import { paths, testCards } from '../../addresses.ts';
import { claims, exactly } from '../claims.ts';
import { pause, until } from '../pause.ts';
import { logInOf } from '../people.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { type Ask, ask, type Shopper } from '../shopper.ts';
import { type Price, priceTable, sizing } from '../sizing.ts';
import type { RunOptions, Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';

const slug = 'proof-capacity';
const story = 'scale each service by itself';
const buyers = 4_000;
const seatsPerBuyer = 5;
const stepMs = 4_000;
const stepFactor = 1.5;
const slowestMs = 200;
/** the door keeps one for four seconds that nobody uses */
const connectionsEndMs = 5_000;

/** of each operation, for its price */
const callsOf = ({ short }: RunOptions) => (short ? 500 : 3_000);
const perSecond = 50;
type Operation = Pick<Price, 'kind' | 'service' | 'storyPerSecond'> & {
  /** calls there can be; default: any number */
  most?: number;
  call: (index: number) => Omit<Ask, 'kind'>;
};

export async function capacityScenario(stage: Stage, options: RunOptions): Promise<ScenarioResult> {
  const { progress, signal } = stage;
  const calls = callsOf(options);
  const prices: Price[] = [];
  for (const operation of await operationsOf(stage)) {
    if (signal.aborted) break;
    const { kind, service, storyPerSecond } = operation;
    const cpuMs = await progress.step(kind, () => priceOf(stage, operation, calls));
    const knee = await progress.step(`${kind}: knee`, () => kneeOf(stage, operation, calls));
    const memoryMiB = memoryOf(stage, kind);
    prices.push({ kind, service, storyPerSecond, cpuMs, memoryMiB, knee });
  }
  const books = await readBooks(stage, 60_000);
  const plans = [1, 10].map((times) => sizing(prices, times));
  const errors = plans.flatMap((plan) => plan.errors);
  const connections = '100 services x 30 connections';
  const atPrice = stage.recorder.total((phase) => prices.some(({ kind }) => kind === phase));
  return resultOf(
    'capacity',
    stage,
    claims('capacity', story, [
      ['operations priced', prices.length, exactly(5)],
      ['operations whose knee was found', prices.filter(({ knee }) => knee > 0).length, exactly(5)],
      ['errors in the plan of connections', errors.length, exactly(0), '', connections],
      ['proofs that failed', books.proofs.filter(({ holds }) => !holds).length, exactly(0)],
      ['wrong answers below the knee', atPrice.counts.wrong, exactly(0)],
    ]),
    errors,
    { tables: [priceTable(prices), ...plans.map(({ table }) => table)] },
  );
}

async function operationsOf(stage: Stage): Promise<Operation[]> {
  const shoppers = await stage.shoppers(buyers);
  const shopper = (index: number) => shoppers[index % buyers] as Shopper;
  const seats = await stage.putOnSale(slug, buyers * seatsPerBuyer);
  await stage.putOnSale(`${slug}-room`, 1, {
    hasWaitingRoom: true,
    opensAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  const holds: string[] = [];
  const post = (path: string, index: number, body?: object) => ({
    ...{ method: 'POST', path, token: shopper(index).token },
    ...(body ? { body } : {}),
  });
  const order: Operation = {
    kind: 'order',
    service: 'orders',
    storyPerSecond: 200,
    get most() {
      return holds.length;
    },
    call: (index) =>
      post(paths.orders, index, { id: randomUUID(), holdId: holds[index], card: testCards.good }),
  };
  return [
    {
      kind: 'event page',
      service: 'catalog',
      storyPerSecond: 5_000,
      call: () => ({ path: paths.event(slug) }),
    },
    {
      kind: 'log in',
      service: 'auth',
      storyPerSecond: 833,
      call: (index) => {
        const body = logInOf(shopper(index).id);
        return { method: 'POST', path: paths.session, body };
      },
    },
    {
      kind: 'join',
      service: 'inventory',
      storyPerSecond: 2_500,
      call: (index) => post(paths.waitingTicket(`${slug}-room`), index),
    },
    {
      kind: 'hold',
      service: 'inventory',
      storyPerSecond: 200,
      most: seats.length,
      call: (index) => {
        const id = randomUUID();
        holds[index] = id;
        return post(paths.holds, index, { id, event: slug, seats: [seats[index]] });
      },
    },
    order,
  ];
}

/** CPU a call, less what the same processes use when nobody calls. */
async function priceOf(stage: Stage, operation: Operation, calls: number) {
  const { door, recorder, meter, signal } = stage;
  const { kind } = operation;
  // the load before leaves connections behind, whose end is nobody's idling
  await pause(connectionsEndMs, signal);
  recorder.enter(`${kind}: idle`);
  meter.sample(recorder.phase);
  const idleMs = 3_000;
  await pause(idleMs, signal);
  meter.sample(recorder.phase);
  recorder.enter(kind);
  const begin = performance.now();
  await stage.arrive(perSecond, calls, (index, intendedAt) =>
    ask(door, recorder, { kind, intendedAt, ...operation.call(index) }),
  );
  await settled(stage);
  meter.sample(recorder.phase);
  const tookMs = performance.now() - begin;
  const cpuMs = new Map<string, number>();
  for (const { phase, process, cpuSeconds } of meter.figures) {
    const name = nameOf(process);
    const sign = phase === kind ? 1 : phase === `${kind}: idle` ? -tookMs / idleMs : 0;
    if (sign !== 0) cpuMs.set(name, (cpuMs.get(name) ?? 0) + (sign * cpuSeconds * 1_000) / calls);
  }
  return cpuMs;
}

/** Of the largest process of each name, in all phases of an operation. */
function memoryOf({ meter }: Stage, kind: string): Map<string, number> {
  const most = new Map<string, number>();
  for (const { phase, process, memoryMiB } of meter.figures) {
    const name = nameOf(process);
    if (phase.startsWith(kind)) most.set(name, Math.max(most.get(name) ?? 0, memoryMiB));
  }
  return most;
}

const nameOf = (process: string) => process.replace(/-\d+$/, '');

/** Steps of four seconds, each half as much again: the last rate at which all are answered, in time. */
async function kneeOf(stage: Stage, operation: Operation, calls: number) {
  const { door, recorder, signal } = stage;
  const { kind, most = Number.POSITIVE_INFINITY } = operation;
  let knee = 0;
  let done = calls;
  for (let rate = perSecond; !signal.aborted; rate = Math.round(rate * stepFactor)) {
    const count = Math.round((rate * stepMs) / 1_000);
    if (done + count > most) break;
    const phase = `${kind}: ${rate}/s`;
    recorder.enter(phase);
    const from = done;
    await stage.arrive(rate, count, (index, intendedAt) =>
      ask(door, recorder, { kind, intendedAt, ...operation.call(from + index) }),
    );
    done += count;
    const { counts, p99Ms } = recorder.total((name) => name === phase);
    if (counts.ok < count || p99Ms > slowestMs) break;
    knee = rate;
  }
  await settled(stage);
  return knee;
}

/** What was accepted is worked off: its work is part of the price, and not of the next operation's. */
async function settled({ database, signal }: Stage): Promise<void> {
  const areSettled = async () => {
    const { rows } = await database.query(`select from orders where state = 'processing' limit 1`);
    return rows.length === 0;
  };
  await pause(500, signal);
  await until(areSettled, { everyMs: 500, forMs: 60_000, signal });
}
