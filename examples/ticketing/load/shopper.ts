/** One buyer as a browser behaves: asks, judges the answer, and repeats with the same id when told to. */
import { randomUUID } from 'node:crypto';
import { paths, testCards } from '../addresses.ts';
import type { Admission, HeldSeats, Order, ProblemCode, WaitingTicket } from '../contract.ts';
import { type Answer, type Call, type FrontDoor, problemOf } from './front-door.ts';
import { pause } from './pause.ts';
import type { Outcome, Recorder } from './recorder.ts';

/** later than that nobody is looking any more */
const correctWithinMs = 5_000;
const cleanWithinMs = 200;
const repeatForMs = 60_000;

export type Ask = Call & {
  /** what the recorder calls it */
  kind: string;
  /** by `performance.now()`; default: now */
  intendedAt?: number;
  /** a true no, here */
  refusals?: readonly ProblemCode[];
};

/** Asks once. undefined when nobody answered. */
export async function ask(
  door: FrontDoor,
  recorder: Recorder,
  ask: Ask,
): Promise<Answer | undefined> {
  const { kind, intendedAt = performance.now(), refusals = [] } = ask;
  const { phase } = recorder;
  try {
    const answer = await door.call(ask);
    const ms = performance.now() - intendedAt;
    recorder.add(phase, kind, judge(answer, ms, refusals), ms, describe(answer));
    return answer;
  } catch (error) {
    recorder.add(phase, kind, 'wrong', performance.now() - intendedAt, String(error));
    return undefined;
  }
}

export function judge(answer: Answer, ms: number, refusals: readonly ProblemCode[]): Outcome {
  const { status } = answer;
  const { code, retryAfterMs } = problemOf(answer);
  if (status === 503) return retryAfterMs !== undefined && ms <= cleanWithinMs ? 'later' : 'wrong';
  if (ms > correctWithinMs) return 'wrong';
  if (status < 300) return 'ok';
  return code !== undefined && refusals.includes(code) ? 'refused' : 'wrong';
}

const describe = (answer: Answer) =>
  answer.status < 300 ? 'slow' : `${answer.status} ${problemOf(answer).code ?? ''}`;

/** Asks until there is an answer that means something, for a minute at most. */
export async function insist(
  door: FrontDoor,
  recorder: Recorder,
  first: Ask,
): Promise<Answer | undefined> {
  const until = performance.now() + repeatForMs;
  for (let next = first; ; ) {
    const answer = await ask(door, recorder, next);
    if (answer && answer.status !== 503) return answer;
    if (performance.now() > until || door.signal.aborted) return undefined;
    await pause(Math.min(2_000, (answer && problemOf(answer).retryAfterMs) ?? 500), door.signal);
    const { intendedAt: _, ...again } = next;
    next = again;
  }
}

export type Purchase =
  | { end: 'paid'; order: Order }
  | { end: 'declined' | 'expired' | 'lost-hold' | 'unsettled' | 'no-answer' };

export class Shopper {
  readonly #door: FrontDoor;
  readonly #recorder: Recorder;
  readonly id: string;
  readonly token: string;

  constructor(door: FrontDoor, recorder: Recorder, id: string, token: string) {
    this.#door = door;
    this.#recorder = recorder;
    this.id = id;
    this.token = token;
  }

  pause(ms: number): Promise<void> {
    return pause(ms, this.#door.signal);
  }

  ask(what: Ask): Promise<Answer | undefined> {
    return insist(this.#door, this.#recorder, { ...what, token: this.token });
  }

  /** A place in the waiting room of an event. */
  async join(event: string, intendedAt?: number): Promise<WaitingTicket | undefined> {
    const path = paths.waitingTicket(event);
    const when = intendedAt === undefined ? {} : { intendedAt };
    const joined = await this.ask({ kind: 'join', method: 'POST', path, ...when });
    return joined?.status === 201 ? (joined.body as WaitingTicket) : undefined;
  }

  /**
   * The pass for a ticket whose turn it is. The document that told so may be a second ahead of the process that
   * is asked, which then says how many are before.
   */
  async enter(event: string, { ticket }: WaitingTicket): Promise<string | undefined> {
    const path = paths.waitingPass(event);
    for (let knock = 0; knock < 20; knock += 1) {
      if (knock > 0) await this.pause(500);
      const entered = await this.ask({ kind: 'enter', method: 'POST', path, body: { ticket } });
      if (entered?.status !== 200) return undefined;
      const { pass } = entered.body as Admission;
      if (pass) return pass;
    }
    return undefined;
  }

  /** The hold, the true reason why not, or undefined when nobody answers. */
  async hold(event: string, seat: string, options: { pass?: string; intendedAt?: number } = {}) {
    const { pass, ...rest } = options;
    const answer = await this.ask({
      kind: 'hold',
      method: 'POST',
      path: paths.holds,
      body: { id: randomUUID(), event, seats: [seat], pass },
      refusals: ['seat_taken', 'hold_expired'],
      ...rest,
    });
    if (!answer) return undefined;
    return answer.status < 300
      ? (answer.body as HeldSeats)
      : (problemOf(answer).code ?? 'unavailable');
  }

  /** Orders what is held and waits for what becomes of it. */
  async buy(holdId: string, settledWithinMs: number): Promise<Purchase> {
    const id = randomUUID();
    const body = { id, holdId, card: testCards.good };
    const refusals = ['hold_expired'] as const;
    const accepted = await this.ask({
      kind: 'order',
      method: 'POST',
      path: paths.orders,
      body,
      refusals,
    });
    if (!accepted) return { end: 'no-answer' };
    if (accepted.status >= 300) return { end: 'lost-hold' };
    const until = performance.now() + settledWithinMs;
    for (;;) {
      // a browser is told by its WebSocket, and asks only to be sure
      await this.pause(2_000);
      const answer = await this.ask({ kind: 'order status', path: paths.order(id) });
      const order = answer?.status === 200 ? (answer.body as Order) : undefined;
      if (order?.state === 'paid') return { end: 'paid', order };
      if (order?.state === 'declined' || order?.state === 'expired') return { end: order.state };
      if (performance.now() > until || this.#door.signal.aborted) return { end: 'unsettled' };
    }
  }
}
