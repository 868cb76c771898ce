import { publish } from './channels.ts';
import type { Where } from './store.ts';
import type { CommitResult, HoldResult, ReturnResult } from './types.ts';

/** What a pool has answered in this process, and where it is. Plain data, made when asked for. */
export type PoolSnapshot = {
  pool: string;
  epoch: number;
  board: Where['board'];
  /** Answers by status; `replayed` apart from `held`. */
  holds: Record<string, number>;
  commits: Record<string, number>;
  returns: Record<string, number>;
  /** How often this process filled a board anew. */
  rebuilds: number;
  faults: number;
};

/** Counts what a pool answers, and tells the diagnostics channels. */
export class Counters {
  readonly #pool: string;
  readonly #holds: Record<string, number> = {};
  readonly #commits: Record<string, number> = {};
  readonly #returns: Record<string, number> = {};
  rebuilds = 0;
  faults = 0;

  constructor(pool: string) {
    this.#pool = pool;
  }

  held<T extends HoldResult>(id: string, result: T): T {
    const status = result.status === 'held' && result.replayed ? 'replayed' : result.status;
    this.#holds[status] = (this.#holds[status] ?? 0) + 1;
    publish('hold', () => ({ pool: this.#pool, id, status }));
    return result;
  }

  committed(id: string, result: CommitResult): CommitResult {
    this.#commits[result.status] = (this.#commits[result.status] ?? 0) + 1;
    publish('commit', () => ({ pool: this.#pool, id, ...result }));
    return result;
  }

  returned(id: string, result: ReturnResult): ReturnResult {
    this.#returns[result.status] = (this.#returns[result.status] ?? 0) + 1;
    publish('return', () => ({ pool: this.#pool, id, ...result }));
    return result;
  }

  snapshot({ epoch, board }: Where): PoolSnapshot {
    const [holds, commits, returns] = [
      { ...this.#holds },
      { ...this.#commits },
      { ...this.#returns },
    ];
    const { rebuilds, faults } = this;
    return { pool: this.#pool, epoch, board, holds, commits, returns, rebuilds, faults };
  }
}
