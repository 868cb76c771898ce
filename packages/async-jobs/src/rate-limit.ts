import { callable, integer } from './options.ts';

/** At most `max` within any `perMs` milliseconds. */
export interface RateLimitOptions {
  readonly max: number;
  readonly perMs: number;
}

/** Something that says when the next may begin. */
export interface RateLimit {
  /** Takes the next free moment and gives the milliseconds until it is there. */
  reserve(nowMs: number): number | Promise<number>;
}

/** @internal A limit of this worker's own, or the one that was given. */
export function rateLimitOf(given: RateLimitOptions | RateLimit): RateLimit {
  if ('reserve' in given) {
    callable('rateLimit.reserve', given.reserve);
    return given;
  }
  return new WindowLimit(
    integer('rateLimit.max', given.max, 1, 100_000),
    integer('rateLimit.perMs', given.perMs, 1),
  );
}

/**
 * The moments of the last `max` reservations in a ring: the next one is at the earliest `perMs`
 * after the one `max` before it, so no window of `perMs` has more than `max`. O(1).
 */
class WindowLimit implements RateLimit {
  readonly #perMs: number;
  readonly #moments: number[];
  #next = 0;
  #seenAtMs = 0;

  constructor(max: number, perMs: number) {
    this.#perMs = perMs;
    this.#moments = new Array(max).fill(Number.NEGATIVE_INFINITY);
  }

  reserve(nowMs: number): number {
    if (nowMs < this.#seenAtMs) {
      // The clock was set back: nobody waits for it to catch up
      const backMs = this.#seenAtMs - nowMs;
      for (const [i, moment] of this.#moments.entries()) this.#moments[i] = moment - backMs;
    }
    this.#seenAtMs = nowMs;
    const oldest = this.#moments[this.#next] as number;
    const moment = Math.max(nowMs, oldest + this.#perMs);
    this.#moments[this.#next] = moment;
    this.#next = (this.#next + 1) % this.#moments.length;
    return moment - nowMs;
  }
}
