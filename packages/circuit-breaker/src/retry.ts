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
 * calls in their first attempt, or `budgetMinimum` if that is more. So a dependency that fails every call gets at most
 * that share on top, instead of a multiple.
 *
 * @see https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ for the full jitter
 * @see https://sre.google/sre-book/handling-overload/ for the budget
 */
export class Retry {
  /** Second and later attempts made. */
  made = 0;
  #first = 0;
  #retrying = 0;
  readonly #settings: RetrySettings;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(settings: RetrySettings, clock: Clock, random: () => number) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
  }

  async run<T>(attempt: Attempt<T>, ending: Ending, signal: AbortSignal | undefined): Promise<T> {
    const { attempts, baseMs, maxMs } = this.#settings;
    this.#first += 1;
    try {
      return await attempt(ending);
    } catch (error) {
      if (!isRepeatable(ending) || attempts < 2) throw error;
      if (!this.#affords()) throw error;
    } finally {
      this.#first -= 1;
    }
    this.#retrying += 1;
    try {
      for (let n = 2; ; n += 1) {
        await this.#pause(this.#random() * Math.min(maxMs, baseMs * 2 ** (n - 2)), signal);
        this.made += 1;
        try {
          return await attempt(ending);
        } catch (error) {
          if (!isRepeatable(ending) || n >= attempts) throw error;
        }
      }
    } finally {
      this.#retrying -= 1;
    }
  }

  /** Whether one more call may go into a retry; this one still counts among the first attempts. */
  #affords(): boolean {
    const { budget, budgetMinimum } = this.#settings;
    return this.#retrying < Math.max(budgetMinimum, Math.floor(budget * this.#first));
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
