/**
 * 50,000 buyers, 1,000 tickets. Everybody comes to the waiting room within a minute, the sale opens, the
 * draw decides who goes in, and whoever does takes a seat, orders, and gets a ticket; the others are told
 * that it is sold out, which must be true when they are told.
 */
import { drawnPlace, standingOf } from '@evenkeel/soft-hold/waiting-room/status';
import { paths } from '../../addresses.ts';
import type { Availability, WaitingRoomPage, WaitingTicket } from '../../contract.ts';
import { atMost, claims, exactly } from '../claims.ts';
import { pause } from '../pause.ts';
import { shuffle } from '../random.ts';
import { resultOf, type ScenarioResult } from '../result.ts';
import { type Purchase, Shopper } from '../shopper.ts';
import type { Stage } from '../stage.ts';
import { readBooks } from '../truth.ts';
import { warmUp, warmUpPhase } from '../warm-up.ts';

const slug = 'proof-sale';
const settledWithinMs = 120_000;
/** a buyer who was let in and finds every seat taken looks so often for one that came free */
const looks = 400;

export type SaleSize = {
  buyers: number;
  tickets: number;
  joinsPerSecond: number;
  admitPerSecond: number;
};
type Visitor = { id: string; shopper: Shopper; ticket: WaitingTicket; place: number };
type End = Purchase['end'] | 'sold-out' | 'told-wrongly' | 'no-place';
const untruths: readonly End[] = [
  ...(['told-wrongly', 'no-place', 'unsettled', 'no-answer', 'lost-hold', 'expired'] as const),
];

export async function saleScenario(stage: Stage, size: SaleSize): Promise<ScenarioResult> {
  const { door, recorder, people, signal, random } = stage;
  const warm = await warmUp(stage);
  const ids = await people.add(size.buyers);
  const lobbyMs = (size.buyers / size.joinsPerSecond) * 1_000 + 5_000;
  const opensAt = Date.now() + lobbyMs;
  const seats = await stage.putOnSale(slug, size.tickets, {
    hasWaitingRoom: true,
    opensAt: new Date(opensAt).toISOString(),
    admitPerSecond: size.admitPerSecond,
  });
  const wanted = shuffle([...seats], random);

  recorder.enter('lobby');
  const visitors: Visitor[] = [];
  const ends = new Map<End, number>();
  const end = (how: End): void => {
    ends.set(how, (ends.get(how) ?? 0) + 1);
  };
  const tokens = await Promise.all(ids.map((id) => people.token(id)));
  await stage.arrive(size.joinsPerSecond, ids.length, async (index, intendedAt) => {
    const shopper = new Shopper(door, recorder, tokens[index] as string);
    const ticket = await shopper.join(slug, intendedAt);
    if (!ticket) return end('no-place');
    visitors.push({ id: ids[index] as string, shopper, ticket, place: 2 });
  });
  while (Date.now() < opensAt && !signal.aborted) await pause(200, stage.signal);

  recorder.enter('sale');
  recorder.mark('the sale opens');
  // the document is the same for all and cached for a second: the driver reads it as an edge would
  let page = await roomPage(stage);
  for (let wait = 0; page?.phase !== 'open' && wait < 100 && !signal.aborted; wait += 1) {
    await pause(100, stage.signal);
    page = await roomPage(stage);
  }
  for (const visitor of visitors) {
    const { place } = visitor.ticket;
    visitor.place = place ?? (page?.seed ? await drawnPlace(page.seed, page.room, visitor.id) : 2);
  }
  visitors.sort((a, b) => a.place - b.place);

  const state = { soldOut: false };
  const inside = new Set<Promise<void>>();
  let next = 0;
  const until = performance.now() + settledWithinMs + (size.tickets / size.admitPerSecond) * 3_000;
  while (next < visitors.length && !state.soldOut && performance.now() < until && !signal.aborted) {
    page = (await roomPage(stage)) ?? page;
    for (; page && next < visitors.length; next += 1) {
      const visitor = visitors[next] as Visitor;
      const { steps } = page;
      if (standingOf({ ...page, steps: steps as [number, number][] }, visitor.place).position > 0)
        break;
      const visit = goIn(stage, visitor, wanted, state).then(end);
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
    end(free === 0 ? 'sold-out' : 'told-wrongly');
  });

  recorder.enter('quiet');
  const books = await stage.progress.step('books', () => readBooks(stage, 60_000));
  const sold = books.sold - warm;
  const of = (what: string) => books.proofs.find((proof) => proof.what === what)?.found;
  const api = recorder.total((phase) => !['before', warmUpPhase, 'quiet'].includes(phase));
  const untold = total(untruths.map((how) => ends.get(how) ?? 0));
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
      ['mails sent', books.mails - warm, exactly(size.tickets), '', 'the email provider'],
      ['API answers, p99', api.p99Ms, atMost(200), 'ms', 'everyone at once'],
      ['wrong answers', api.counts.wrong, exactly(0), '', '60 % -> 99.7 %'],
      ['buyers told something untrue, or nothing', untold, exactly(0)],
      ['buyers accounted for', total([...ends.values()]), exactly(size.buyers)],
    ]),
    [
      `${size.buyers} buyers, ${size.tickets} tickets; ${[...ends].map(([how, n]) => `${how} ${n}`).join(', ')}`,
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

async function roomPage({ door }: Stage): Promise<WaitingRoomPage | undefined> {
  const answer = await door.call({ path: paths.waitingRoom(slug) }).catch(() => undefined);
  return answer?.status === 200 ? (answer.body as WaitingRoomPage) : undefined;
}

async function isSoldOut({ door }: Stage): Promise<boolean> {
  const answer = await door.call({ path: paths.availability(slug) }).catch(() => undefined);
  const counts = answer?.status === 200 ? (answer.body as Availability).counts : [];
  return counts.length > 0 && counts.every(({ free, held }) => free === 0 && held === 0);
}

const total = (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0);
const freeOf = ({ counts }: Availability) =>
  counts.reduce((sum, { free, held }) => sum + free + held, 0);
