/**
 * 50,000 buyers, 1,000 tickets. Everybody comes to the waiting room within a minute, the sale opens, the
 * draw decides who goes in, and whoever does takes a seat, orders, and gets a ticket; the others are told
 * that it is sold out, which must be true when they are told.
 */
import { createHmac } from 'node:crypto';
import { fraction, standingOf } from '@evenkeel/soft-hold/waiting-room/status';
import { paths } from '../../addresses.ts';
import type { Availability, WaitingRoomPage, WaitingTicket } from '../../contract.ts';
import { atMost, claims, exactly } from '../claims.ts';
import { paceOf, pacePhase } from '../pace.ts';
import { pause, until } from '../pause.ts';
import { shuffle } from '../random.ts';
import { counted, resultOf, type ScenarioResult } from '../result.ts';
import type { Purchase, Shopper } from '../shopper.ts';
import type { RunOptions, Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';
import { warmUp, warmUpPhase } from '../warm-up.ts';

const slug = 'proof-sale';
const settledWithinMs = 120_000;
/** who is let in learns of it within this time, each at a moment of his own: browsers are told once a second, by many gateways */
const toldWithinMs = 1_000;
/** a buyer who was let in and finds every seat taken looks so often for one that came free */
const looks = 400;

/** a third of the crowd buys */
function sizeOf({ users, short }: RunOptions) {
  const buyers = Math.ceil(users / 3);
  const tickets = Math.max(1, Math.min(1_000, Math.floor(buyers / 5)));
  return { buyers, tickets, ...(short ? shortly : fully) };
}
const fully = { joinsPerSecond: 833 };
const shortly = { joinsPerSecond: 200 };
/** the rest is for whoever waits, and for the second in which many come at once */
const admission = { busy: 0.7, most: 20 };

type Visitor = { shopper: Shopper; ticket: WaitingTicket; place: number };
type End = Purchase['end'] | 'sold-out' | 'told-wrongly' | 'no-place';
const untruths: readonly End[] = [
  ...(['told-wrongly', 'no-place', 'unsettled', 'no-answer', 'lost-hold', 'expired'] as const),
];

export async function saleScenario(stage: Stage, options: RunOptions): Promise<ScenarioResult> {
  const { recorder, signal, random } = stage;
  const size = sizeOf(options);
  const warm = await warmUp(stage);
  const pace = await paceOf(stage, admission);
  const before = warm + pace.sold;
  const shoppers = await stage.shoppers(size.buyers);
  const lobbyMs = (size.buyers / size.joinsPerSecond) * 1_000 + 5_000;
  const opensAt = Date.now() + lobbyMs;
  const seats = await stage.putOnSale(slug, size.tickets, {
    hasWaitingRoom: true,
    opensAt: new Date(opensAt).toISOString(),
    admitPerSecond: pace.perSecond,
  });
  const wanted = shuffle([...seats], random);

  recorder.enter('lobby');
  const visitors: Visitor[] = [];
  const ends: End[] = [];
  await stage.arrive(size.joinsPerSecond, size.buyers, async (index, intendedAt) => {
    const shopper = shoppers[index] as Shopper;
    const ticket = await shopper.join(slug, intendedAt);
    if (ticket) visitors.push({ shopper, ticket, place: 2 });
    else ends.push('no-place');
  });
  await pause(opensAt - Date.now(), signal);

  recorder.enter('sale');
  recorder.mark('the sale opens');
  // the document is the same for all and cached for a second: the driver reads it as an edge would
  let page = await until(
    () => roomPage(stage),
    { everyMs: 100, forMs: 10_000, signal },
    (seen) => seen?.phase === 'open',
  );
  for (const visitor of visitors) {
    visitor.place = visitor.ticket.place ?? (page ? drawnPlace(page, visitor.shopper.id) : 2);
  }
  visitors.sort((a, b) => a.place - b.place);

  const state = { soldOut: false };
  const inside = new Set<Promise<unknown>>();
  let next = 0;
  const deadline = performance.now() + settledWithinMs + (size.tickets / pace.perSecond) * 3_000;
  while (
    next < visitors.length &&
    !state.soldOut &&
    performance.now() < deadline &&
    !signal.aborted
  ) {
    page = (await roomPage(stage)) ?? page;
    for (; page && next < visitors.length; next += 1) {
      const visitor = visitors[next] as Visitor;
      const { steps } = page;
      if (standingOf({ ...page, steps: steps as [number, number][] }, visitor.place).position > 0)
        break;
      const visit = pause(random() * toldWithinMs, signal)
        .then(() => goIn(stage, visitor, wanted, state))
        .then((end) => ends.push(end));
      inside.add(visit);
      void visit.finally(() => inside.delete(visit));
    }
    await pause(1_000, stage.signal);
    state.soldOut ||= await isSoldOut(stage);
  }
  await Promise.all(inside);

  recorder.enter('told');
  const waiting = visitors.slice(next);
  await stage.arrive(400, waiting.length, async (index, intendedAt) => {
    const { shopper } = waiting[index] as Visitor;
    const path = paths.availability(slug);
    const answer = await shopper.ask({ kind: 'availability', path, intendedAt });
    const free = answer?.status === 200 && freeOf(answer.body as Availability);
    ends.push(free === 0 ? 'sold-out' : 'told-wrongly');
  });

  recorder.enter('quiet');
  const books = await stage.progress.step('books', () => readBooks(stage, 60_000));
  const sold = books.sold - before;
  const of = (what: string) => books.proofs.find((proof) => proof.what === what)?.found;
  const counts = (phase: string) => !['before', warmUpPhase, pacePhase, 'quiet'].includes(phase);
  const slowest = recorder.worst(counts);
  const untold = ends.filter((end) => untruths.includes(end)).length;
  const story = '50,000 people, 1,000 tickets';
  return resultOf(
    'sale',
    stage,
    claims('sale', story, [
      ['tickets sold', sold, exactly(size.tickets)],
      ['categories oversold', of('categories sold beyond their seats'), exactly(0)],
      ['seats with two tickets', of('seats with two valid tickets'), exactly(0)],
      ['charges without a ticket', books.captured - books.sold, exactly(0)],
      ['tickets without a charge', of('tickets without a charge'), exactly(0)],
      ['mails sent', books.mails - before, exactly(size.tickets), '', 'the email provider'],
      [
        'API answers, p99 of the slowest kind in its slowest phase',
        slowest?.p99Ms,
        atMost(200),
        'ms',
        'everyone at once',
      ],
      ['wrong answers', recorder.total(counts).counts.wrong, exactly(0), '', '60 % -> 99.7 %'],
      ['buyers told something untrue, or nothing', untold, exactly(0)],
      ['buyers accounted for', ends.length, exactly(size.buyers)],
    ]),
    [
      `${size.buyers} buyers, ${size.tickets} tickets, ${pace.perSecond} let in a second, as a ticket costs ${Math.round(pace.ticketMs)} ms of CPU here; ${counted(ends)}`,
      ...(slowest
        ? [
            `slowest: ${slowest.kind} in "${slowest.phase}", ${slowest.count} calls: p50 ${slowest.p50Ms} ms, p99 ${slowest.p99Ms} ms`,
          ]
        : []),
      ...books.proofs
        .filter(({ holds }) => !holds)
        .map(({ what, found, expected }) => `${what}: ${found}, expected ${expected}`),
    ],
  );
}

/** Exchanges the ticket for a pass, takes the first seat that is free, and buys it. */
async function goIn(
  stage: Stage,
  { shopper, ticket }: Visitor,
  wanted: string[],
  state: { soldOut: boolean },
): Promise<End> {
  const pass = await shopper.enter(slug, ticket);
  if (!pass) return 'no-answer';
  for (let look = 0; look < looks && !stage.signal.aborted; look += 1) {
    const seat = wanted.shift();
    if (seat === undefined) {
      if (state.soldOut) return 'sold-out';
      await pause(1_000, stage.signal);
      continue;
    }
    const held = await shopper.hold(slug, seat, { pass });
    if (held === undefined) return 'no-answer';
    if (typeof held === 'string') continue;
    const { end } = await shopper.buy(held.id, settledWithinMs);
    // nobody has it, so somebody else may
    if (end !== 'paid') wanted.push(seat);
    return end;
  }
  return 'sold-out';
}

/** As a browser works it out (`drawnPlace`), for 50,000 of them in one process: at once, or those let in meanwhile come in one burst. */
function drawnPlace({ seed, room }: WaitingRoomPage, account: string): number {
  if (seed === null) return 2;
  return fraction(createHmac('sha256', seed).update(`${room}\n${account}`).digest());
}

async function roomPage({ door }: Stage): Promise<WaitingRoomPage | undefined> {
  const answer = await door.call({ path: paths.waitingRoom(slug) }).catch(() => undefined);
  return answer?.status === 200 ? (answer.body as WaitingRoomPage) : undefined;
}

async function isSoldOut({ door }: Stage): Promise<boolean> {
  const answer = await door.call({ path: paths.availability(slug) }).catch(() => undefined);
  const counts = answer?.status === 200 ? (answer.body as Availability).counts : [];
  return counts.length > 0 && counts.every(({ free, held }) => free === 0 && held === 0);
}

const freeOf = ({ counts }: Availability) =>
  counts.reduce((sum, { free, held }) => sum + free + held, 0);
