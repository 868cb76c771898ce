import type { Link } from './link.ts';
import type { FallbackSettings } from './options.ts';
import type { Recovery } from './recovery.ts';
import type { HoldStore } from './store.ts';

/**
 * The switch between Redis and the store's own board. It opens like a breaker: when Redis has failed
 * every call for `afterMs`, the pool moves to the store, and back when Redis has answered for
 * `backAfterMs`. Each move is a new epoch under the lock of the pool's row, so that it happens once
 * however many processes want it, and no decision of the board that was left can be made any more.
 */
export class Fallback {
  readonly #settings: FallbackSettings | null;
  readonly #pool: string;
  readonly #store: HoldStore;
  readonly #link: Link;
  readonly #recovery: Recovery;
  readonly #onError: (error: unknown) => void;
  readonly #now: () => number;
  #downSince: number | null = null;
  #upSince: number | null = null;
  #moving: Promise<void> | null = null;
  #asking: Promise<void> | null = null;

  /** @param settings null leaves the pool where it is until somebody else moves it */
  constructor(options: {
    settings: FallbackSettings | null;
    pool: string;
    store: HoldStore;
    link: Link;
    recovery: Recovery;
    onError: (error: unknown) => void;
    now?: () => number;
  }) {
    this.#settings = options.settings;
    this.#pool = options.pool;
    this.#store = options.store;
    this.#link = options.link;
    this.#recovery = options.recovery;
    this.#onError = options.onError;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The board answered a call, or failed to. */
  heard(answered: boolean): void {
    if (this.#settings === null || this.#link.where.board === 'store' || answered) {
      this.#downSince = null;
      return;
    }
    this.#downSince ??= this.#now();
    if (this.#now() - this.#downSince >= this.#settings.afterMs) this.#move('toStore');
  }

  /** What every process does every `maintainEveryMs`; waits for nothing. */
  look(): void {
    if (this.#settings === null || this.#asking !== null) return;
    this.#asking = this.#look(this.#settings)
      .catch(this.#onError)
      .finally(() => {
        this.#asking = null;
      });
  }

  async close(): Promise<void> {
    await this.#asking;
    await this.#moving;
  }

  async #look({ backAfterMs }: FallbackSettings): Promise<void> {
    const where = await this.#store.where(this.#pool);
    if (where !== null) this.#link.adopt(where);
    if (this.#link.where.board === 'redis' || !(await this.#link.redisAnswers())) {
      this.#upSince = null;
      return;
    }
    this.#upSince ??= this.#now();
    if (this.#now() - this.#upSince >= backAfterMs) this.#move('toRedis');
  }

  #move(way: 'toStore' | 'toRedis'): void {
    this.#moving ??= this.#recovery[way]()
      .catch(this.#onError)
      .finally(() => {
        this.#moving = null;
        this.#downSince = null;
        this.#upSince = null;
      });
  }
}
