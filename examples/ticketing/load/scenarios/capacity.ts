/**
 * What each operation costs, in CPU of every service that has a part in it and of each server behind them, at a rate at
 * which nothing queues; at which rate one process is at its end; and what that makes for the story's crowd and ten of
 * them. Each service runs in a process of its own. CPU is counted by the kernel, so a machine that is busy with other
 * things gives the same prices; the knee it does move.
 */
import { randomUUID } from 'node:crypto';
import { paths, testCards } from '../../addresses.ts';
import { Passwords } from '../../services/auth/passwords.ts';
import { claims, exactly } from '../claims.ts';
import { type Answer, FrontDoor } from '../front-door.ts';
import { pause, until } from '../pause.ts';
import { logInOf } from '../people.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { type Ask, ask, type Shopper } from '../shopper.ts';
import {
  costTable,
  logInTable,
  type Measured,
  type Price,
  passwordHash,
  priceTable,
  sizing,
} from '../sizing.ts';
import { socketPrices } from '../sockets-price.ts';
import { idlingOf, perCall, roleOf, spentOn } from '../spending.ts';
import type { RunOptions, Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';

const slug = 'proof-capacity';
const story = 'scale each service by itself';
const buyers = 4_000;
const seatsPerBuyer = 5;
const stepMs = 4_000;
const stepFactor = 1.5;
const slowestMs = 200;
/** calls before those that count: a process that has just started compiles what it is asked for */
const warmCalls = 500;
const warmPerSecond = 100;
const sockets = 4_000;
const hashes = 20;

/** of each operation, for its price */
const secondsOf = ({ short }: RunOptions) => (short ? 10 : 30);
/** the slowest step on the way to a knee */
const firstStep = 50;
type Operation = Pick<Price, 'kind' | 'storyPerSecond'> & {
  /** at which nothing queues */
  pricedAt: number;
  /** who answers; the gateway has the WebSockets and passes on what is asked of others */
  service: Exclude<Price['service'], 'gateway' | 'payments' | 'notifications'>;
  /** calls there can be; default: any number */
  most?: number;
  call: (index: number) => Omit<Ask, 'kind'>;
  answered?: (answer: Answer) => void;
};

export async function capacityScenario(stage: Stage, options: RunOptions): Promise<ScenarioResult> {
  const { progress, signal, door } = stage;
  const seconds = secondsOf(options);
  const prices: Price[] = [];
  const asked: string[] = [];
  let passedOn = 0;
  for (const operation of await operationsOf(stage)) {
    if (signal.aborted) break;
    const { kind, service, storyPerSecond } = operation;
    const cpuMs = await progress.step(kind, () => priceOf(stage, operation, seconds));
    const direct = doorTo(stage, service);
    const from = warmCalls + seconds * operation.pricedAt;
    const knee = await progress.step(`${kind}: knee`, () =>
      kneeOf(stage, operation, direct, from).finally(() => direct.close()),
    );
    if (service === 'catalog') {
      passedOn = await progress.step('gateway: knee', () => kneeOf(stage, operation, door, 0));
    }
    prices.push({ kind, service, storyPerSecond, cpuMs, knee });
    asked.push(kind);
    if (kind === 'log in') prices.push(await hashPrice(storyPerSecond));
  }
  if (!signal.aborted) prices.push(...(await socketPrices(stage, sockets)));
  const books = await readBooks(stage, 60_000);
  const measured: Measured = { prices, memoryMiB: memoryOf(stage) };
  const plans = [1, 10].map((times) => sizing(measured, times));
  const errors = plans.flatMap((plan) => plan.errors);
  const connections = '100 services x 30 connections';
  const atPrice = stage.recorder.total((phase) => asked.includes(phase));
  return resultOf(
    'capacity',
    stage,
    claims('capacity', story, [
      ['operations priced', prices.length, exactly(10)],
      ['operations whose knee was found', prices.filter(({ knee }) => knee).length, exactly(6)],
      ['errors in the plan of connections', errors.length, exactly(0), '', connections],
      ['proofs that failed', books.proofs.filter(({ holds }) => !holds).length, exactly(0)],
      ['wrong answers below the knee', atPrice.counts.wrong, exactly(0)],
    ]),
    [...errors, `one gateway passes on ${passedOn} event pages a second before p99 is over 200 ms`],
    {
      tables: [
        priceTable(measured),
        ...plans.map(({ table }) => table),
        logInTable(measured),
        costTable(measured),
      ],
    },
  );
}

/** To a service itself, past the gateway. */
function doorTo({ fleet, signal }: Stage, service: string): FrontDoor {
  const { url } = fleet.members.find(({ name }) => name === service) ?? {};
  if (url === undefined) throw new Error(`${service} does not run`);
  return new FrontDoor(() => [url], { tries: 1, signal });
}

/** With the shop's own parameters: everything else here is measured with a token hash. */
async function hashPrice(storyPerSecond: number): Promise<Price> {
  const passwords = new Passwords(passwordHash);
  await passwords.hash('the first one fetches its memory');
  const before = process.cpuUsage();
  for (let done = 0; done < hashes; done += 1) await passwords.hash('one after the other');
  const { user, system } = process.cpuUsage(before);
  const cpuMs = new Map([['auth', (user + system) / 1_000 / hashes]]);
  return { kind: 'password hash', service: 'auth', storyPerSecond, cpuMs };
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
  /** each is good for one refresh, which gives another */
  const cookies: string[] = [];
  const keepCookie = ({ headers }: Answer) => {
    const [cookie] = String(headers['set-cookie'] ?? '').split(';');
    if (cookie) cookies.push(cookie);
  };
  const post = (path: string, index: number, body?: object) => ({
    ...{ method: 'POST', path, token: shopper(index).token },
    ...(body ? { body } : {}),
  });
  const order: Operation = {
    kind: 'order',
    service: 'orders',
    pricedAt: 50,
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
      pricedAt: 100,
      storyPerSecond: 5_000,
      call: () => ({ path: paths.event(slug) }),
    },
    {
      kind: 'log in',
      service: 'auth',
      pricedAt: 100,
      storyPerSecond: 833,
      call: (index) => {
        const body = logInOf(shopper(index).id);
        return { method: 'POST', path: paths.session, body };
      },
      answered: keepCookie,
    },
    {
      kind: 'refresh',
      service: 'auth',
      pricedAt: 100,
      // of those who log in, none; see logInTable
      storyPerSecond: 0,
      get most() {
        return cookies.length;
      },
      call: (index) => ({ method: 'POST', path: paths.refresh, cookie: cookies[index] as string }),
      answered: keepCookie,
    },
    {
      kind: 'join',
      service: 'inventory',
      pricedAt: 100,
      storyPerSecond: 2_500,
      call: (index) => post(paths.waitingTicket(`${slug}-room`), index),
    },
    {
      kind: 'hold',
      service: 'inventory',
      pricedAt: 100,
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

/** CPU a call through the gateway, by who works. */
async function priceOf(stage: Stage, operation: Operation, seconds: number) {
  const { recorder } = stage;
  const { kind, pricedAt } = operation;
  const calls = seconds * pricedAt;
  recorder.enter(`${kind}: warm`);
  await callAll(stage, operation, stage.door, { from: 0, count: warmCalls, rate: warmPerSecond });
  const idling = await idlingOf(stage, kind);
  const spent = await spentOn(stage, kind, async () => {
    const some = { from: warmCalls, count: calls, rate: pricedAt };
    await callAll(stage, operation, stage.door, some);
    await settled(stage);
  });
  return perCall(spent, calls, idling);
}

function callAll(
  stage: Stage,
  { kind, call, answered }: Operation,
  door: FrontDoor,
  { from, count, rate }: { from: number; count: number; rate: number },
): Promise<void> {
  return stage.arrive(rate, count, async (index, intendedAt) => {
    const what = { kind, intendedAt, ...call(from + index) };
    const answer = await ask(door, stage.recorder, what);
    if (answer) answered?.(answer);
  });
}

/** Of the largest process of each name, in the whole run. */
function memoryOf({ meter }: Stage): Map<string, number> {
  const most = new Map<string, number>();
  for (const { process, memoryMiB } of meter.figures) {
    const name = roleOf(process);
    most.set(name, Math.max(most.get(name) ?? 0, memoryMiB));
  }
  return most;
}

/** Steps of four seconds, each half as much again: the last rate at which all are answered, in time. */
async function kneeOf(stage: Stage, operation: Operation, door: FrontDoor, from: number) {
  const { recorder, signal } = stage;
  const { kind } = operation;
  let knee = 0;
  let done = from;
  for (let rate = firstStep; !signal.aborted; rate = Math.round(rate * stepFactor)) {
    const count = Math.round((rate * stepMs) / 1_000);
    if (done + count > (operation.most ?? Number.POSITIVE_INFINITY)) break;
    const phase = `${kind}: ${rate}/s${door === stage.door ? ' by the gateway' : ''}`;
    recorder.enter(phase);
    await callAll(stage, operation, door, { from: done, count, rate });
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
