import { onAbort } from './abort.ts';
import type { Ending } from './call.ts';
import type { Clock } from './clock.ts';

/** When a call is made again. */
export interface RetrySettings {
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly budget: number;
  readonly budgetMinimum: number;
}

/** One attempt; says in `ending` how it went. */
export type Attempt<T> = (ending: Ending) => Promise<T>;

/**
 * Makes failed calls again after a pause, within a budget: calls in a retry, pauses included, are at most `budget` of the
 * calls in their first attempt, and repeats at most `budget` of all calls made, so that a dependency that fails every call
 * gets at most that share on top, instead of a multiple. The first alone would not do: while first attempts take long to
 * fail and further ones do not, a place among those in a retry is used many times. `budgetMinimum` calls may be in a
 * retry whatever the share, and so many repeats are lent at the start, to be earned before any other.
 *
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ for the full jitter
 * @see https://sre.google/sre-book/handling-overload/ for the budget
 */
export class Retry {
  /** Second and later attempts made. */
  made = 0;
  #first = 0;
  #retrying = 0;
  /** Repeats that may be made: each call adds `budget` of one, once those lent are earned. */
  #allowance: number;
  #lent: number;
  readonly #settings: RetrySettings;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(settings: RetrySettings, clock: Clock, random: () => number) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
    this.#allowance = settings.budgetMinimum;
    this.#lent = settings.budgetMinimum;
  }

  async run<T>(attempt: Attempt<T>, ending: Ending, signal: AbortSignal | undefined): Promise<T> {
    const { attempts, baseMs, maxMs } = this.#settings;
    this.#first += 1;
    this.#earn();
    try {
      return await attempt(ending);
    } catch (error) {
      if (!isRepeatable(ending) || attempts < 2) throw error;
      if (!this.#hasPlace()) throw error;
    } finally {
      this.#first -= 1;
    }
    this.#retrying += 1;
    try {
      for (let n = 2; ; n += 1) {
        this.#allowance -= 1;
        await this.#pause(this.#random() * Math.min(maxMs, baseMs * 2 ** (n - 2)), signal);
        this.made += 1;
        try {
          return await attempt(ending);
        } catch (error) {
          if (!isRepeatable(ending) || n >= attempts || this.#allowance < 1) throw error;
        }
      }
    } finally {
      this.#retrying -= 1;
    }
  }

  #earn(): void {
    const { budget, budgetMinimum } = this.#settings;
    if (this.#lent > 0) {
      this.#lent -= budget;
    } else {
      // no more is saved up than the calls in flight may use
      const most = Math.max(budgetMinimum, budget * this.#first);
      this.#allowance = Math.min(most, this.#allowance + budget);
    }
  }

  /** Whether one more call may go into a retry; this one still counts among the first attempts. */
  #hasPlace(): boolean {
    const { budget, budgetMinimum } = this.#settings;
    const places = Math.max(budgetMinimum, Math.floor(budget * this.#first));
    return this.#retrying < places && this.#allowance >= 1;
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const timer = this.#clock.setTimeout(() => {
        release?.();
        resolve();
      }, Math.ceil(ms));
      const release =
        signal &&
        onAbort(signal, () => {
          this.#clock.clearTimeout(timer);
          reject(signal.reason);
        });
    });
  }
}

/** What was refused, or given up by its caller, is not made again. */
function isRepeatable({ kind }: Ending): boolean {
  return kind === 'failure' || kind === 'timeout';
}
