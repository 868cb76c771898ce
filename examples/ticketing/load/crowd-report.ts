/** What the crowd and its parts tell one another. */

export type CrowdOrder = {
  users: number;
  port: number;
  /** one for each worker, because an address has some 28,000 ports */
  localAddress: string;
  event: string;
  secret: string;
  perSecond: number;
};

/** How many heard of one thing, and when the first and the last did: by `Date.now()`, one clock for all processes. */
export type Told = { count: number; firstAt: number; lastAt: number };
export type CrowdReport = {
  /** everybody has a token */
  isReady: boolean;
  /** everybody has tried */
  isIn: boolean;
  connected: number;
  /** who could not come in, by why */
  failures: Record<string, number>;
  lost: number;
  /** their token was verified */
  authorized: number;
  /** messages that say that something was refused, by what they say */
  refusals: Record<string, number>;
  opening: Told;
  /** changes of seats by their number */
  changes: Record<number, Told>;
  /** the same message again, or an older one after it */
  toldTwice: number;
  messages: number;
  pings: number;
};

/** One more of it. */
export function tally(counts: Record<string, number>, name: string, count = 1): void {
  counts[name] = (counts[name] ?? 0) + count;
}

export const toldNobody = (): Told => ({ count: 0, firstAt: 0, lastAt: 0 });

/** Before anybody has come. */
export const nobody = (): CrowdReport => ({
  isReady: false,
  isIn: false,
  connected: 0,
  failures: {},
  lost: 0,
  authorized: 0,
  refusals: {},
  opening: toldNobody(),
  changes: {},
  toldTwice: 0,
  messages: 0,
  pings: 0,
});
