import type { Clock } from '../../src/index.ts';

/** Time that stands still until it is advanced; timers fire in order on the way. */
export class TestClock implements Clock {
  #ms = 1_700_000_000_000;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now = (): number => this.#ms;

  setTimeout(callback: () => void, delayMs: number): unknown {
    const timer = { at: this.#ms + delayMs, callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as { at: number; callback: () => void });
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Lets promises settle before each timer and at the end. */
  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms;
    for (;;) {
      await settled();
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#ms = Math.max(this.#ms, next.at);
      this.#timers.delete(next);
      next.callback();
    }
    this.#ms = end;
    await settled();
  }
}

/** What is ready to run has run. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
