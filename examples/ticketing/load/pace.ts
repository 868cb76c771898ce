/**
 * How many tickets a second are sold. A waiting room lets in as many as the shop serves in time, and a team knows how many from
 * what a ticket costs. So does the proof: it sells a few first, on the machine it runs on.
 */
import { availableParallelism } from 'node:os';
import type { Shopper } from './shopper.ts';
import { idlingOf, perCall, spentOn } from './spending.ts';
import type { Stage } from './stage.ts';

export const pacePhase = 'pace';
const slug = 'proof-pace';
const sample = { perSecond: 5, count: 60 };

export type Pace = {
  perSecond: number;
  /** CPU of one ticket, driver and servers included; 0 on a system that does not tell */
  ticketMs: number;
  /** tickets sold to find out */
  sold: number;
};

/** Tickets a second that keep a share `busy` of all processors busy; at most `most`. */
export async function paceOf(
  stage: Stage,
  { busy, most }: { busy: number; most: number },
): Promise<Pace> {
  const seats = await stage.putOnSale(slug, sample.count);
  const shoppers = await stage.shoppers(sample.count);
  let sold = 0;
  const visit = async (index: number) => {
    const shopper = shoppers[index] as Shopper;
    const held = await shopper.hold(slug, seats[index] as string);
    if (held === undefined || typeof held === 'string') return;
    if ((await shopper.buy(held.id, 60_000)).end === 'paid') sold += 1;
  };
  const idling = await idlingOf(stage, pacePhase);
  const spent = await stage.progress.step('what a ticket costs', () =>
    spentOn(stage, pacePhase, () => stage.arrive(sample.perSecond, sample.count, visit)),
  );
  const ticketMs = sum(perCall(spent, sample.count, idling));
  const freeMs = (availableParallelism() * busy - sum(idling)) * 1_000;
  return { perSecond: ratePerSecond(freeMs, ticketMs, most), ticketMs, sold };
}

/** How many that cost `ticketMs` each go into `freeMs` of CPU a second: 1 to `most`. */
export const ratePerSecond = (freeMs: number, ticketMs: number, most: number): number =>
  Math.max(1, Math.min(most, Math.floor(freeMs / Math.max(ticketMs, Number.EPSILON))));

const sum = (cpu: ReadonlyMap<string, number>) =>
  [...cpu.values()].reduce((all, ms) => all + ms, 0);
