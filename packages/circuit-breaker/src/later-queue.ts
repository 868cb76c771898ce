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

/** An entry that failed, and that its lane waits for. */
export interface FailingEntry {
  readonly key: string;
  readonly lane: string;
  /** Milliseconds since it was put aside. */
  readonly ageMs: number;
  /** Failures in a row. */
  readonly failures: number;
  /** What the last one threw. */
  readonly error: unknown;
  /** Entries of the lane that wait behind it. */
  readonly behind: number;
}

/** Figures of a {@link LaterQueue} at a moment. */
export interface LaterQueueSnapshot {
  /** Entries that have not ended well yet, those under way included. */
  readonly size: number;
  readonly underWay: number;
  /** Milliseconds since the oldest entry was put aside; 0 without one. */
  readonly oldestMs: number;
  /** The entries that failed, oldest first. While the circuit is open none is tried, so none fails. */
  readonly failing: readonly FailingEntry[];
}

/** The entries of one lane, oldest first. */
interface Lane<A extends readonly unknown[]> {
  readonly name: string;
  readonly entries: { readonly entry: LaterEntry<A>; readonly sinceMs: number }[];
  /** Its head is being tried. */
  underWay: boolean;
  failures: number;
  error: unknown;
  /** Runs while it waits after a failure. */
  timer: unknown;
}

/**
 * A queue for later in the memory of this process: entries go out again, oldest first and lane by lane, through the same
 * breaker, as soon as that lets them. An entry that fails stays at the head of its lane until it ends well or is taken out
 * by `remove`; while the circuit is open none is tried. Nobody else needs to call the dependency for that: when the circuit
 * is due for a probe, an entry is one.
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
  readonly #keys = new Map<string, Lane<A>>();
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
    const waiting = { entry, sinceMs: this.#clock.now() };
    const lane = this.#lanes.get(entry.lane);
    if (lane !== undefined) {
      this.#keys.set(entry.key, lane);
      lane.entries.push(waiting);
      return;
    }
    const fresh: Lane<A> = {
      name: entry.lane,
      entries: [waiting],
      underWay: false,
      failures: 0,
      error: undefined,
      timer: undefined,
    };
    this.#keys.set(entry.key, fresh);
    this.#lanes.set(entry.lane, fresh);
    this.#ready.push(fresh);
    // Not at once: the call that brought the entry has just been refused, or failed.
    // While others are under way it goes when one of them has ended.
    if (!this.#paused && this.#running === 0) this.#pause(this.#retryMs);
  }

  /** Figures at this moment; `failing` is what somebody should look at. O(lanes). */
  snapshot(): LaterQueueSnapshot {
    const nowMs = this.#clock.now();
    const failing: FailingEntry[] = [];
    let oldestMs = 0;
    for (const { name: lane, entries, failures, error } of this.#lanes.values()) {
      const head = entries[0] as Lane<A>['entries'][number];
      const ageMs = nowMs - head.sinceMs;
      oldestMs = Math.max(oldestMs, ageMs);
      if (failures === 0) continue;
      const behind = entries.length - 1;
      failing.push({ key: head.entry.key, lane, ageMs, failures, error, behind });
    }
    failing.sort((one, other) => other.ageMs - one.ageMs);
    return { size: this.size, underWay: this.#running, oldestMs, failing };
  }

  /**
   * Takes an entry out that will never end well, so that those behind it go on, and returns it: to be repaired and added
   * again, or kept elsewhere. Undefined when it is not here, or under way just now. O(entries of its lane).
   */
  remove(key: string): LaterEntry<A> | undefined {
    const lane = this.#keys.get(key);
    if (lane === undefined) return undefined;
    const index = lane.entries.findIndex(({ entry }) => entry.key === key);
    if (index === 0 && lane.underWay) return undefined;
    const entry = lane.entries[index]?.entry;
    if (index > 0) {
      lane.entries.splice(index, 1);
      this.#keys.delete(key);
    } else {
      if (this.#timers.delete(lane.timer)) this.#clock.clearTimeout(lane.timer);
      const place = this.#ready.indexOf(lane);
      if (place >= 0) this.#ready.splice(place, 1);
      this.#shift(lane);
      this.#go();
    }
    return entry;
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
    return [...this.#lanes.values()].flatMap(({ entries }) => entries.map(({ entry }) => entry));
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
    const { entry } = lane.entries[0] as (typeof lane.entries)[number];
    lane.underWay = true;
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
      lane.underWay = false;
      this.#shift(lane);
    } catch (error) {
      lane.underWay = false;
      this.#failed(lane, error);
    }
    this.#running -= 1;
    this.#go();
  }

  /** The head has left its lane, which may go on. */
  #shift(lane: Lane<A>): void {
    const head = lane.entries.shift();
    if (head) this.#keys.delete(head.entry.key);
    lane.failures = 0;
    lane.error = undefined;
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
      lane.error = error;
      const wait = Math.min(this.#retryMs * 2 ** (lane.failures - 1), this.#maxRetryMs);
      lane.timer = this.#after(wait, () => {
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

  #after(delayMs: number, callback: () => void): unknown {
    if (this.#closed) return undefined;
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, Math.ceil(delayMs));
    this.#timers.add(timer);
    return timer;
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
