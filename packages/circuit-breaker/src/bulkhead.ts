import { onAbort } from './abort.ts';
import type { Clock } from './clock.ts';

/** How many calls run at once, and how many may wait for their turn. */
export interface BulkheadSettings {
  readonly concurrency: number;
  readonly queue: number;
  readonly maxWaitMs: number;
}

/** A call that waits for a slot: a link of the queue. */
interface Waiter {
  previous: Waiter | undefined;
  next: Waiter | undefined;
  readonly until: number;
  /** Given a slot, or told why not. */
  readonly settle: (error?: unknown) => void;
}

/**
 * So many slots, each held until the work has really ended, and a bounded queue before them.
 *
 * ```
 *  first -> waiter -> waiter -> last      all wait equally long, so the first is the next to give up:
 *                                         one timer for all of them, and removal in O(1)
 * ```
 */
export class Bulkhead {
  running = 0;
  queued = 0;
  /** Calls refused because every slot and every place in the queue was taken, or after the longest wait. */
  rejected = 0;
  readonly #settings: BulkheadSettings;
  readonly #clock: Clock;
  readonly #full: () => Error;
  #first: Waiter | undefined;
  #last: Waiter | undefined;
  #timer: unknown = undefined;

  /** @param full makes the error of a call that found no room */
  constructor(settings: BulkheadSettings, clock: Clock, full: () => Error) {
    this.#settings = settings;
    this.#clock = clock;
    this.#full = full;
  }

  /** Takes a slot if one is free and nobody waits for it. */
  take(): boolean {
    if (this.running >= this.#settings.concurrency || this.#first !== undefined) return false;
    this.running += 1;
    return true;
  }

  /** The error of a call for which there is no room. */
  refuse(): Error {
    this.rejected += 1;
    return this.#full();
  }

  /** Waits for a slot and takes it. Rejects when the queue is full, after `maxWaitMs`, or when the signal aborts. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.queued >= this.#settings.queue) return Promise.reject(this.refuse());
    return new Promise((resolve, reject) => {
      const release = signal && onAbort(signal, () => this.#leave(waiter, signal.reason));
      const waiter: Waiter = {
        previous: this.#last,
        next: undefined,
        until: this.#clock.now() + this.#settings.maxWaitMs,
        settle: (error) => {
          release?.();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      if (this.#last === undefined) this.#first = waiter;
      else this.#last.next = waiter;
      this.#last = waiter;
      this.queued += 1;
      if (this.#timer === undefined) this.#arm(waiter.until);
    });
  }

  /** The work of a slot has ended: the first of the queue goes. */
  release(): void {
    const first = this.#first;
    if (first === undefined) {
      this.running -= 1;
      return;
    }
    this.#leave(first, undefined);
  }

  #leave(waiter: Waiter, error: unknown): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    this.queued -= 1;
    if (this.#first === undefined) {
      this.#clock.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    waiter.settle(error);
  }

  #arm(until: number): void {
    const delayMs = Math.max(0, Math.ceil(until - this.#clock.now()));
    this.#timer = this.#clock.setTimeout(() => this.#expire(), delayMs);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let first = this.#first; first !== undefined && first.until <= now; first = this.#first) {
      this.#leave(first, this.refuse());
    }
    if (this.#first !== undefined) this.#arm(this.#first.until);
  }
}
