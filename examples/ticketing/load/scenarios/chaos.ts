/**
 * Everything breaks while tickets are sold: readers look at the page, buyers hold, order and wait for
 * their ticket, and others watch the hall, at a steady rate, whatever happens meanwhile. After each fault the books must
 * be right, and at the end everybody who watched must be told of a seat again.
 */
import { paths } from '../../addresses.ts';
import type { Proof } from '../../launcher/verify-sale.ts';
import { atLeast, atMost, claims, exactly } from '../claims.ts';
import { type Fault, faults, putFaults } from '../faults.ts';
import { pause, until } from '../pause.ts';
import { shuffle } from '../random.ts';
import { counted, resultOf, type ScenarioResult } from '../result.ts';
import { ask, type Purchase, type Shopper } from '../shopper.ts';
import type { Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';
import { Watchers } from '../watchers.ts';
import { priceSeenAfter } from './cache.ts';

const slug = 'proof-chaos';
/** after the last fault; who is cut off comes back within a second or two */
const toldWithinMs = 20_000;

export type ChaosSize = {
  readsPerSecond: number;
  buyersPerSecond: number;
  /** WebSockets that are open from begin to end */
  watchers: number;
  /** names of faults */
  only: readonly string[];
  /** of a fault that has no length of its own, at least */
  faultMs: number;
  /** after a fault by itself, and at the end of all of them */
  calmMs: number;
  /** first one after the other, with a look at the books after each */
  apart: boolean;
  /**
   * Then all of them within so long, drawn by lot, with no look at whether the last one is over. `tracks`: with two, what
   * breaks servers and what breaks processes does so at the same time.
   */
  together?: { withinMs: number; tracks: 1 | 2 };
};

/** The phases of the run with all of them. */
const allOfThem = 'all: ';

export async function chaosScenario(stage: Stage, size: ChaosSize): Promise<ScenarioResult> {
  const { door, recorder, signal, random, fleet, progress } = stage;
  const { faultMs, calmMs, apart, together } = size;
  const chosen = faults.filter(({ name }) => size.only.includes(name));
  // more seats and people than the longest run needs
  const seconds =
    (apart ? chosen.length * ((faultMs + calmMs) / 1_000 + 40) : 0) +
    (together?.withinMs ?? 0) / 500 +
    120;
  const most = Math.ceil(seconds * size.buyersPerSecond);
  const [lastSeat = '', ...seats] = shuffle(await stage.putOnSale(slug, most + 1), random);
  const shoppers = await stage.shoppers(most);
  const [latecomer] = await stage.shoppers(1);
  await putFaults(fleet.pspUrl, { latencyMs: 200 });

  const over = new AbortController();
  const stopSignal = AbortSignal.any([over.signal, signal]);
  const ends: string[] = [];
  const buy = async (index: number, intendedAt: number) => {
    const shopper = shoppers[index] as Shopper;
    ends.push(await buyOne(shopper, seats[index] as string, intendedAt));
  };
  const read = (_index: number, intendedAt: number) =>
    ask(door, recorder, { kind: 'event page', path: paths.event(slug), intendedAt });
  const mostReads = Math.ceil(seconds * size.readsPerSecond);
  const buyers = stage.arrive(size.buyersPerSecond, most, buy, stopSignal);
  const readers = stage.arrive(size.readsPerSecond, mostReads, read, stopSignal);

  const watchers = new Watchers({
    count: size.watchers,
    event: slug,
    token: latecomer?.token ?? '',
    urls: () => fleet.fronts.map(({ url }) => url),
    random,
  });

  const broken: string[] = [];
  const staleMs: number[] = [];
  const seePrice = async () => {
    const priceCents = 2_001 + staleMs.length;
    staleMs.push(await priceSeenAfter(stage, slug, priceCents).catch(() => Number.NaN));
  };
  recorder.enter('calm');
  await pause(Math.max(3_000, calmMs), signal);
  if (apart) {
    for (const fault of chosen) {
      if (signal.aborted) break;
      const forMs = together && fault.everyMs ? 2 * fault.everyMs + faultMs : faultMs;
      await progress.step(fault.name, async () => {
        recorder.enter(fault.name);
        recorder.mark(fault.name, forMs);
        await fault.run(stage, forMs);
        await pause(calmMs, signal);
      });
      // "no stale price after quiet": every front itself must show the new one
      await seePrice();
      const books = await readBooksWhileSelling(stage);
      if (books.length > 0) broken.push(`${fault.name}: ${books.join('; ')}`);
    }
  }
  if (together) {
    await breakAll(stage, chosen, { faultMs, ...together });
    recorder.enter('calm again');
    await pause(calmMs, signal);
    await seePrice();
  }
  recorder.enter('after');
  over.abort();
  await progress.step('buyers done', () => Promise.all([buyers, readers]));
  const told = await progress.step('everybody is told of a seat', async () => {
    watchers.lookOutFor(lastSeat);
    await latecomer?.hold(slug, lastSeat);
    const patience = { everyMs: 200, forMs: toldWithinMs, signal };
    return until(
      () => watchers.heard,
      patience,
      (heard) => heard >= size.watchers,
    );
  });
  watchers.end();
  recorder.enter('quiet');
  const books = await progress.step('books', () => readBooks(stage, 90_000));
  for (const { what, found, expected, holds } of books.proofs) {
    if (!holds) broken.push(`at the end: ${what}: ${found}, expected ${expected}`);
  }

  const deferring = chosen.filter(({ mayDefer }) => mayDefer).map(({ name }) => name);
  const mayDefer = (phase: string) => deferring.some((name) => phase.includes(name));
  /** percent of the requests of these phases that were answered correctly */
  const availability = (accept: (phase: string) => boolean) => {
    const { ok, refused, later, wrong } = recorder.total(accept).counts;
    const excused = recorder.total((phase) => accept(phase) && mayDefer(phase)).counts.later;
    const total = ok + refused + later + wrong;
    const text = `${total} requests: ${ok} right, ${refused} true refusals, ${later} clean "try again" (${excused} while the design allows it: ${deferring.join(', ')}), ${wrong} wrong`;
    return { percent: ((ok + refused + excused) / total) * 100, text };
  };
  const whole = availability(() => true);
  const allInOne = availability((phase) => phase.startsWith(allOfThem));
  const paid = ends.filter((end) => end === 'paid').length;
  const uptime = [atLeast(99.98), '%', '99.98 % uptime'] as const;
  const inOne = together
    ? [
        [
          `the same, all within ${together.withinMs / 1_000} s`,
          allInOne.percent,
          ...uptime,
        ] as const,
      ]
    : [];
  return resultOf(
    'chaos',
    stage,
    claims('chaos', 'every component breaks while tickets are sold', [
      ['requests answered correctly', whole.percent, ...uptime],
      ...inOne,
      ['proofs that failed, after each fault and at the end', broken.length, exactly(0)],
      ['buyers who ended with a ticket', (paid / ends.length) * 100, atLeast(99.9), '%'],
      ['tickets sold, against buyers told "paid"', books.sold - paid, exactly(0)],
      ['processes that ended unbidden', fleet.crashes.length, exactly(0)],
      [
        'mails lost',
        books.paid - books.mails,
        exactly(0),
        '',
        'the email provider dies for an hour',
      ],
      ['watchers by WebSocket who are told of a seat after it all', told, exactly(size.watchers)],
      ['a price change seen by every front', Math.max(...staleMs), atMost(2_500), 'ms', 'caches'],
    ]),
    [
      `${chosen.length} faults: ${chosen.map(({ name, what }) => `${name} (${what})`).join('; ')}`,
      whole.text,
      ...(together ? [`all together: ${allInOne.text}`] : []),
      `buyers: ${counted(ends)}`,
      `${size.watchers} watchers by WebSocket: cut off ${watchers.cuts} times in all and back again, refused ${watchers.problems} times while what they asked for was gone`,
      ...broken,
      ...fleet.crashes,
    ],
  );
}

/** All within a time, whatever the last one has left behind; the phase is the names of those at work. */
async function breakAll(
  stage: Stage,
  chosen: readonly Fault[],
  { faultMs, withinMs, tracks }: { faultMs: number; withinMs: number; tracks: 1 | 2 },
): Promise<void> {
  const { recorder, signal, random, progress } = stage;
  const atWork = new Set<string>();
  const breakIt = async ({ name, run }: Fault, forMs: number) => {
    const enter = () => recorder.enter(allOfThem + [...atWork].join(' + '));
    atWork.add(name);
    enter();
    recorder.mark(allOfThem + name, forMs);
    await run(stage, forMs);
    return () => {
      atWork.delete(name);
      enter();
    };
  };
  const begin = performance.now();
  const track = async (some: Fault[]) => {
    const slotMs = withinMs / some.length;
    for (const [index, fault] of some.entries()) {
      if (signal.aborted) break;
      await progress.step(allOfThem + fault.name, async () => {
        const over = await breakIt(fault, Math.max(faultMs, slotMs / 2));
        await pause(begin + (index + 1) * slotMs - performance.now(), signal);
        over();
      });
    }
  };
  const once = shuffle(
    chosen.filter(({ everyMs }) => everyMs === undefined),
    random,
  );
  const ended = await Promise.allSettled([
    ...chosen.filter(({ everyMs }) => everyMs !== undefined).map((one) => breakIt(one, withinMs)),
    ...(tracks === 1
      ? [track(once)]
      : (['servers', 'processes'] as const).map((of) => track(once.filter((f) => f.of === of)))),
  ]);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

/** A hold that was lost with Redis is told as such, and the buyer takes the seat again: as a person would. */
async function buyOne(
  shopper: Shopper,
  seat: string,
  intendedAt: number,
): Promise<Purchase['end'] | string> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const held = await shopper.hold(slug, seat, attempt === 0 ? { intendedAt } : {});
    if (held === undefined) return 'no-answer';
    if (typeof held === 'string') {
      await shopper.pause(2_000);
      continue;
    }
    const { end } = await shopper.buy(held.id, 120_000);
    if (end !== 'lost-hold' && end !== 'expired') return end;
  }
  return 'gave-up';
}

/** Those proofs that must hold at every moment, also while orders are under way. */
const always = [
  'categories sold beyond their seats',
  'seats with two valid tickets',
  'paid orders without a ticket',
];
/** And this soon, while others buy: money is taken only for a ticket that exists, so a moment after it. */
const soon = 'tickets without a charge';
const chargedWithinMs = 10_000;

async function readBooksWhileSelling(stage: Stage): Promise<string[]> {
  const broken = new Set<string>();
  const text = ({ what, found, expected }: Proof) => `${what}: ${found}, expected ${expected}`;
  const patience = { everyMs: 250, forMs: chargedWithinMs, signal: stage.signal };
  const { proofs } = await until(
    () => readBooks(stage, 0),
    patience,
    (books) => {
      const failed = books.proofs.filter(({ holds }) => !holds);
      for (const one of failed) if (always.includes(one.what)) broken.add(text(one));
      return failed.every(({ what }) => what !== soon);
    },
  );
  for (const one of proofs) if (one.what === soon && !one.holds) broken.add(text(one));
  return [...broken];
}
