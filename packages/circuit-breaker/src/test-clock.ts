import { setImmediate } from 'node:timers';
import type { Clock } from './clock.ts';

interface Timer {
  readonly dueAt: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until a test moves it, so that a ten-minute outage takes microseconds.
 *
 * ```typescript
 * const clock = new TestClock();
 * const breaker = new CircuitBreaker({ name: 'psp', clock });
 * clock.advance(5_000); // timers due in these five seconds run, in order
 * ```
 */
export class TestClock implements Clock {
  #now: number;
  #sequence = 0;
  readonly #timers = new Set<Timer>();

  /**
   * @param startMs the first reading, in ms (default 0)
   * @throws RangeError when `startMs` is negative or not finite
   */
  constructor(startMs = 0) {
    this.#now = finite('startMs', startMs);
  }

  /** Timers that wait to run. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): unknown {
    const dueAt = this.#now + Math.max(0, delayMs);
    const timer = { dueAt, sequence: this.#sequence++, callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as Timer);
  }

  /**
   * Moves the time and runs every timer that falls due on the way, synchronously and in order; O(timers) for each.
   *
   * @throws RangeError when `ms` is negative or not finite
   */
  advance(ms: number): void {
    const end = this.#now + finite('ms', ms);
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#fire(timer);
    }
    this.#now = end;
  }

  /**
   * As {@link advance}, but lets pending promises settle before, between and after the timers.
   *
   * @throws RangeError when `ms` is negative or not finite
   */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + finite('ms', ms);
    await settled();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#fire(timer);
      await settled();
    }
    this.#now = end;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt > end) continue;
      if (first === undefined || earlier(timer, first)) first = timer;
    }
    return first;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.dueAt);
    timer.callback();
  }
}

function earlier(a: Timer, b: Timer): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.sequence < b.sequence);
}

/** Every microtask that is pending, and every one these start, has run by the next turn of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function finite(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) {
    throw new RangeError(`Expected \`${name}\` to be a finite number >= 0, got ${value}`);
  }
  return value;
}
