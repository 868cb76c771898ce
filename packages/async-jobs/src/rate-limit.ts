import { callable, integer } from './options.ts';

/** At most `max` within any `perMs` milliseconds. */
export interface RateLimitOptions {
  readonly max: number;
  readonly perMs: number;
}

/** Something that says whether one more may begin. */
export interface RateLimit {
  /** Asked at the moment of beginning: 0 lets it begin and counts it; else milliseconds after which to ask again. */
  take(nowMs: number): number | Promise<number>;
}

// So many at a time stand between the line and their beginning: enough that one who waits for a
// free place holds nobody up, few enough that asking again costs nothing
const ASKING = 16;

/**
 * A limit with the line of those who wait for it. A limit is asked by a job that could begin at
 * once: a moment given out before would be over when the brake is released or a place is free,
 * and all whose moments are over would begin together.
 */
export class LimitedLine implements RateLimit {
  readonly #limit: RateLimit;
  readonly #waiting: (() => void)[] = [];
  #asking = 0;

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  take(nowMs: number): number | Promise<number> {
    return this.#limit.take(nowMs);
  }

  /** Runs `work` when it is its turn; the next one's turn is when `work` calls `begun`, or ends. */
  async turn<T>(work: (begun: () => void) => Promise<T>): Promise<T> {
    if (this.#asking < ASKING) this.#asking++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let asking = true;
    const begun = (): void => {
      if (!asking) return;
      asking = false;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#asking--;
    };
    try {
      return await work(begun);
    } finally {
      begun();
    }
  }
}

/** @internal A limit of this worker's own, or the one that was given, with its line. */
export function rateLimitOf(given: RateLimitOptions | RateLimit): LimitedLine {
  if ('take' in given) {
    callable('rateLimit.take', given.take);
    return new LimitedLine(given);
  }
  return new LimitedLine(
    new WindowLimit(
      integer('rateLimit.max', given.max, 1, 100_000),
      integer('rateLimit.perMs', given.perMs, 1),
    ),
  );
}

/**
 * The last `max` beginnings in a ring: one more may begin `perMs` after the one `max` before it,
 * so no window of `perMs` has more than `max`. O(1).
 */
class WindowLimit implements RateLimit {
  readonly #perMs: number;
  readonly #begun: number[];
  #next = 0;
  #seenAtMs = 0;

  constructor(max: number, perMs: number) {
    this.#perMs = perMs;
    this.#begun = new Array(max).fill(Number.NEGATIVE_INFINITY);
  }

  take(nowMs: number): number {
    if (nowMs < this.#seenAtMs) {
      // The clock was set back: nobody waits for it to catch up
      const backMs = this.#seenAtMs - nowMs;
      for (const [i, moment] of this.#begun.entries()) this.#begun[i] = moment - backMs;
    }
    this.#seenAtMs = nowMs;
    const waitMs = (this.#begun[this.#next] as number) + this.#perMs - nowMs;
    if (waitMs > 0) return waitMs;
    this.#begun[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#begun.length;
    return 0;
  }
}
