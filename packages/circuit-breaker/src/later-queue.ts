import type { CallContext } from './call.ts';
import { checkedClock, duration, integer, object, wrongType } from './checks.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { type Clock, systemClock } from './clock.ts';
import {
  BreakerClosedError,
  BulkheadFullError,
  CircuitIsolatedError,
  CircuitOpenError,
  LaterQueueClosedError,
  LaterQueueFullError,
} from './errors.ts';
import type { LaterEntry, LaterSink } from './queue-for-later.ts';

/** Options of {@link LaterQueue}. */
export interface LaterQueueOptions<A extends readonly unknown[]> {
  /** What the work goes through, also later. */
  readonly breaker: Pick<CircuitBreaker, 'name' | 'execute'>;
  /** Does the work. `key` is the entry's: hand it on as the idempotency key. */
  readonly run: (context: LaterContext, ...args: A) => unknown;
  /** Entries worked on at a time (default 4). */
  readonly concurrency?: number | undefined;
  /** Entries kept; one more is refused (default 10,000). */
  readonly maxEntries?: number | undefined;
  /** A lane whose entry failed waits so many ms, doubled with each failure in a row (default 1,000). */
  readonly retryMs?: number | undefined;
  /** Longest such wait (default 60,000). */
  readonly maxRetryMs?: number | undefined;
  /** Monotonic time and timers (default: the process's). */
  readonly clock?: Clock | undefined;
}

/** What `run` is given besides the arguments. */
export interface LaterContext extends CallContext {
  readonly key: string;
}

/** The entries of one lane, oldest first; its head may be under way. */
interface Lane<A extends readonly unknown[]> {
  readonly name: string;
  readonly entries: LaterEntry<A>[];
  failures: number;
}

/**
 * A queue for later in the memory of this process: entries go out again, oldest first and lane by lane, through the same
 * breaker, as soon as that lets them. An entry that fails stays at the head of its lane; while the circuit is open none is
 * tried. Nobody else needs to call the dependency for that: when the circuit is due for a probe, an entry is one.
 *
 * Not durable: what is queued when the process ends is lost. Each entry ends well exactly once as seen from here; a call
 * that timed out may have had its effect already, and is made again with the same `key`.
 */
export class LaterQueue<A extends readonly unknown[]> implements LaterSink<A>, AsyncDisposable {
  readonly #breaker: Pick<CircuitBreaker, 'name' | 'execute'>;
  readonly #run: (context: LaterContext, ...args: A) => unknown;
  readonly #concurrency: number;
  readonly #maxEntries: number;
  readonly #retryMs: number;
  readonly #maxRetryMs: number;
  readonly #clock: Clock;
  readonly #keys = new Set<string>();
  readonly #lanes = new Map<string, Lane<A>>();
  /** Lanes that may go, in the order in which they became so. */
  readonly #ready: Lane<A>[] = [];
  readonly #timers = new Set<unknown>();
  readonly #waiting = new Set<() => void>();
  #running = 0;
  #paused = false;
  #closed = false;

  /**
   * @throws TypeError when an option has the wrong type or is unknown
   * @throws RangeError when an option is out of range
   */
  constructor(options: LaterQueueOptions<A>) {
    object('options', options, [
      'breaker',
      'run',
      'concurrency',
      'maxEntries',
      'retryMs',
      'maxRetryMs',
      'clock',
    ]);
    const { breaker, run } = options;
    if (typeof breaker?.execute !== 'function') {
      throw wrongType('breaker', 'a CircuitBreaker', breaker);
    }
    if (typeof run !== 'function') throw wrongType('run', 'a function', run);
    this.#breaker = breaker;
    this.#run = run;
    this.#concurrency = integer('concurrency', options.concurrency ?? 4, 10_000);
    this.#maxEntries = integer('maxEntries', options.maxEntries ?? 10_000, 10_000_000);
    this.#retryMs = duration('retryMs', options.retryMs ?? 1_000);
    this.#maxRetryMs = duration('maxRetryMs', options.maxRetryMs ?? 60_000);
    this.#clock = checkedClock(options.clock ?? systemClock);
  }

  /** Entries that have not ended well yet. */
  get size(): number {
    return this.#keys.size;
  }

  /**
   * Takes an entry; one whose key is here already changes nothing. O(1).
   *
   * @throws LaterQueueFullError, LaterQueueClosedError when it was not taken
   */
  add(entry: LaterEntry<A>): void {
    if (this.#closed) throw new LaterQueueClosedError(this.#breaker.name);
    if (this.#keys.has(entry.key)) return;
    if (this.#keys.size >= this.#maxEntries) {
      throw new LaterQueueFullError(this.#breaker.name, this.#maxEntries);
    }
    this.#keys.add(entry.key);
    const lane = this.#lanes.get(entry.lane);
    if (lane !== undefined) {
      lane.entries.push(entry);
      return;
    }
    const fresh = { name: entry.lane, entries: [entry], failures: 0 };
    this.#lanes.set(entry.lane, fresh);
    this.#ready.push(fresh);
    // Not at once: the call that brought the entry has just been refused, or failed.
    // While others are under way it goes when one of them has ended.
    if (!this.#paused && this.#running === 0) this.#pause(this.#retryMs);
  }

  /**
   * Resolves when nothing is queued.
   *
   * @param options.signal ends the waiting; rejects with its reason
   */
  async drained(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.size === 0) return;
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = (): void => {
        this.#waiting.delete(done);
        reject(signal?.reason);
      };
      this.#waiting.add(done);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** Takes and starts nothing from now on, and returns the entries that have not ended well, oldest first in each lane. */
  close(): LaterEntry<A>[] {
    this.#closed = true;
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    this.#timers.clear();
    return [...this.#lanes.values()].flatMap(({ entries }) => entries);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #go(): void {
    while (!this.#paused && !this.#closed && this.#running < this.#concurrency) {
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      this.#running += 1;
      void this.#try(lane);
    }
  }

  async #try(lane: Lane<A>): Promise<void> {
    const entry = lane.entries[0] as LaterEntry<A>;
    try {
      await this.#breaker.execute((context) => {
        const { key } = entry;
        // the signal stays as lazy as the breaker made it
        return this.#run(
          {
            key,
            get signal() {
              return context.signal;
            },
          },
          ...entry.args,
        );
      });
      this.#ended(lane, entry);
    } catch (error) {
      this.#failed(lane, error);
    }
    this.#running -= 1;
    this.#go();
  }

  #ended(lane: Lane<A>, entry: LaterEntry<A>): void {
    lane.entries.shift();
    lane.failures = 0;
    this.#keys.delete(entry.key);
    if (lane.entries.length > 0) this.#ready.push(lane);
    else this.#lanes.delete(lane.name);
    if (this.size > 0) return;
    for (const done of this.#waiting) done();
    this.#waiting.clear();
  }

  #failed(lane: Lane<A>, error: unknown): void {
    if (error instanceof BreakerClosedError) {
      this.close();
    } else if (isRefusal(error)) {
      // It was not tried: it keeps its place, and nothing goes out before the circuit may be asked again.
      this.#ready.unshift(lane);
      const retryAfterMs = error instanceof CircuitOpenError ? error.retryAfterMs : 0;
      this.#pause(Math.max(retryAfterMs, this.#retryMs));
    } else {
      lane.failures += 1;
      const wait = Math.min(this.#retryMs * 2 ** (lane.failures - 1), this.#maxRetryMs);
      this.#after(wait, () => {
        this.#ready.push(lane);
        this.#go();
      });
    }
  }

  #pause(forMs: number): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#after(forMs, () => {
      this.#paused = false;
      this.#go();
    });
  }

  #after(delayMs: number, callback: () => void): void {
    if (this.#closed) return;
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, Math.ceil(delayMs));
    this.#timers.add(timer);
  }
}

/** The call was not made. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof CircuitOpenError ||
    error instanceof CircuitIsolatedError ||
    error instanceof BulkheadFullError
  );
}
