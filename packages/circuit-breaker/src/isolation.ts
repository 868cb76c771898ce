/** Holds a circuit open until it is released. */
export interface Isolation extends Disposable {
  readonly reason: string;
  /** Ends this isolation; a second time does nothing. */
  release(): void;
}

/** The isolations of one breaker that are in force. */
export class Isolations {
  readonly #held = new Set<Isolation>();

  /** The reasons, oldest first. */
  get reasons(): string[] {
    return [...this.#held].map((isolation) => isolation.reason);
  }

  get size(): number {
    return this.#held.size;
  }

  hold(reason: string, onLastReleased: () => void): Isolation {
    const release = (): void => {
      if (this.#held.delete(isolation) && this.#held.size === 0) onLastReleased();
    };
    const isolation: Isolation = { reason, release, [Symbol.dispose]: release };
    this.#held.add(isolation);
    return isolation;
  }
}
