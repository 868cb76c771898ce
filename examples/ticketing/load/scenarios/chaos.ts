/**
 * Everything breaks while tickets are sold: readers look at the page, buyers hold, order and wait for
 * their ticket, at a steady rate, whatever happens meanwhile. After each fault the books must be right.
 */
import { paths } from '../../addresses.ts';
import { claim } from '../claims.ts';
import { type Fault, faults, putFaults } from '../faults.ts';
import { arrive } from '../open-model.ts';
import { pause } from '../pause.ts';
import { shuffle } from '../random.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { ask, type Purchase, Shopper } from '../shopper.ts';
import type { Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';
import { priceSeenAfter } from './cache.ts';

const slug = 'proof-chaos';

export type ChaosSize = {
  readsPerSecond: number;
  buyersPerSecond: number;
  /** of each fault that has no length of its own */
  faultMs: number;
  /** between the end of a fault and the next one */
  calmMs: number;
  /** names of faults */
  only: readonly string[];
};

export async function chaosScenario(stage: Stage, size: ChaosSize): Promise<ScenarioResult> {
  const { door, recorder, people, signal, random, fleet, progress } = stage;
  const chosen = faults.filter(({ name }) => size.only.includes(name));
  // more seats and people than the longest run needs
  const seconds = chosen.length * ((size.faultMs + size.calmMs) / 1_000 + 40) + 120;
  const most = Math.ceil(seconds * size.buyersPerSecond);
  const seats = shuffle(await stage.putOnSale(slug, most), random);
  const ids = await people.add(most);
  await putFaults(fleet.pspUrl, { latencyMs: 200 });

  const over = new AbortController();
  const stopSignal = AbortSignal.any([over.signal, signal]);
  const ends = new Map<string, number>();
  const buyers = arrive(
    { perSecond: size.buyersPerSecond, count: most, random, signal: stopSignal },
    async (index, intendedAt) => {
      const shopper = new Shopper(door, recorder, await people.token(ids[index] as string));
      const end = await buyOne(shopper, seats[index] as string, intendedAt);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    },
  );
  const readers = arrive(
    {
      perSecond: size.readsPerSecond,
      count: Math.ceil(seconds * size.readsPerSecond),
      random,
      signal: stopSignal,
    },
    (_index, intendedAt) =>
      ask(door, recorder, { kind: 'event page', path: paths.event(slug), intendedAt }),
  );

  const broken: string[] = [];
  const staleMs: number[] = [];
  recorder.enter('calm');
  await pause(Math.max(3_000, size.calmMs), signal);
  for (const [index, fault] of chosen.entries()) {
    if (signal.aborted) break;
    await progress.step(fault.name, () => breakIt(stage, fault, size));
    // "no stale price after quiet": every front itself must show the new one
    staleMs.push(await priceSeenAfter(stage, slug, 2_000 + index).catch(() => Number.NaN));
    const books = await readBooksWhileSelling(stage);
    if (books.length > 0) broken.push(`${fault.name}: ${books.join('; ')}`);
  }
  recorder.enter('after');
  over.abort();
  await progress.step('buyers done', () => Promise.all([buyers, readers]));
  recorder.enter('quiet');
  const books = await progress.step('books', () => readBooks(fleet, stage.database, 90_000));
  for (const { what, found, expected, holds } of books.proofs) {
    if (!holds) broken.push(`at the end: ${what}: ${found}, expected ${expected}`);
  }

  const deferring = new Set(chosen.filter(({ mayDefer }) => mayDefer).map(({ name }) => name));
  const all = recorder.total();
  const excused = recorder.total((phase) => deferring.has(phase)).counts.later;
  const { ok, refused, later, wrong } = all.counts;
  const total = ok + refused + later + wrong;
  const paid = ends.get('paid') ?? 0;
  const outages = 'every component breaks while tickets are sold';
  return resultOf(
    'chaos',
    stage,
    [
      claim(
        'chaos',
        'requests answered correctly',
        '99.98 % uptime',
        ((ok + refused + excused) / total) * 100,
        { atLeast: 99.98 },
        '%',
      ),
      claim(
        'chaos',
        'proofs that failed, after each fault and at the end',
        outages,
        broken.length,
        { exactly: 0 },
      ),
      claim(
        'chaos',
        'buyers who ended with a ticket',
        outages,
        (paid / sum(ends)) * 100,
        { atLeast: 99.9 },
        '%',
      ),
      claim('chaos', 'tickets sold, against buyers told "paid"', outages, books.sold - paid, {
        exactly: 0,
      }),
      claim('chaos', 'processes that ended unbidden', outages, fleet.crashes.length, {
        exactly: 0,
      }),
      claim(
        'chaos',
        'mails lost',
        'the email provider dies for an hour',
        books.paid - books.mails,
        { exactly: 0 },
      ),
      claim(
        'chaos',
        'a price change seen by every front',
        'caches',
        Math.max(...staleMs),
        { atMost: 2_500 },
        'ms',
      ),
    ],
    [
      `${chosen.length} faults: ${chosen.map(({ name }) => name).join(', ')}`,
      `${total} requests: ${ok} right, ${refused} true refusals, ${later} clean "try again" (${excused} while the design allows it: ${[...deferring].join(', ')}), ${wrong} wrong`,
      `buyers: ${[...ends].map(([how, n]) => `${how} ${n}`).join(', ')}`,
      ...broken,
      ...fleet.crashes,
    ],
  );
}

async function breakIt(stage: Stage, fault: Fault, size: ChaosSize): Promise<void> {
  const { recorder } = stage;
  recorder.enter(fault.name);
  recorder.mark(fault.name, size.faultMs);
  await fault.run(stage, size.faultMs);
  await pause(size.calmMs, stage.signal);
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
async function readBooksWhileSelling({ fleet, database }: Stage): Promise<string[]> {
  const { proofs } = await readBooks(fleet, database, 0);
  const always = [
    'categories sold beyond their seats',
    'seats with two valid tickets',
    'paid orders without a ticket',
    'tickets without a charge',
  ];
  return proofs
    .filter(({ what, holds }) => always.includes(what) && !holds)
    .map(({ what, found, expected }) => `${what}: ${found}, expected ${expected}`);
}

const sum = (ends: Map<string, number>) => [...ends.values()].reduce((a, b) => a + b, 0);
