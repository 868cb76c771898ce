import type { Clock } from './clock.ts';

// As long as the status store remembers them
const KEPT_MS = 7 * 24 * 3600_000;

/** The jobs a worker has heard to be cancelled in the last seven days. */
export class CancelledIds {
  readonly #clock: Clock;
  /** When each was heard of last, in that order. */
  readonly #heardAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#heardAt.size;
  }

  has(id: string): boolean {
    return this.#heardAt.size > 0 && this.#heardAt.has(id);
  }

  add(id: string): void {
    const now = this.#clock.now();
    this.#heardAt.delete(id);
    this.#heardAt.set(id, now);
    for (const [oldest, heardAt] of this.#heardAt) {
      if (now - heardAt <= KEPT_MS) break;
      this.#heardAt.delete(oldest);
    }
  }
}
