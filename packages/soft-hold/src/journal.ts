import type { HoldStore, JournalEnd, JournalEntry } from './store.ts';

/** How long a granted hold may wait until it is written down. */
export const JOURNAL_MS = 20;
const MOST = 2_000;

/**
 * Writes granted holds down behind the buyers' backs: only winners, in batches, so that a Redis that
 * loses its data does not lose theirs. While PostgreSQL is away they are kept and written later.
 */
export class Journal {
  readonly #store: HoldStore;
  readonly #pool: string;
  readonly #onError: (error: unknown) => void;
  #granted = new Map<string, JournalEntry>();
  #ended = new Map<string, JournalEnd>();
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;
  #failures = 0;

  constructor(store: HoldStore, pool: string, onError: (error: unknown) => void) {
    this.#store = store;
    this.#pool = pool;
    this.#onError = onError;
  }

  grant(entry: JournalEntry): void {
    this.#ended.delete(entry.id);
    this.#granted.set(entry.id, entry);
    this.#arm();
  }

  end(end: JournalEnd): void {
    this.#granted.delete(end.id);
    this.#ended.set(end.id, end);
    this.#arm();
  }

  /** Writes what is waiting; resolves when it stands or has failed. */
  async flush(): Promise<void> {
    if (this.#writing !== null) await this.#writing;
    if (this.#granted.size === 0 && this.#ended.size === 0) return;
    this.#writing = this.#write();
    await this.#writing;
  }

  /** Forgets what is waiting after a last attempt to write it. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(): void {
    if (this.#timer !== null || this.#writing !== null) return;
    const delay = Math.min(JOURNAL_MS * 2 ** this.#failures, 1_000);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, delay);
    this.#timer.unref();
  }

  async #write(): Promise<void> {
    const granted = [...this.#granted.values()].slice(0, MOST);
    const ended = [...this.#ended.values()].slice(0, MOST);
    try {
      await this.#store.journal(this.#pool, granted, ended);
      this.#failures = 0;
      for (const entry of granted) {
        if (this.#granted.get(entry.id) === entry) this.#granted.delete(entry.id);
      }
      for (const end of ended) {
        if (this.#ended.get(end.id) === end) this.#ended.delete(end.id);
      }
    } catch (error) {
      this.#failures = Math.min(this.#failures + 1, 10);
      this.#onError(error);
    } finally {
      this.#writing = null;
      if (this.#granted.size > 0 || this.#ended.size > 0) this.#arm();
    }
  }
}
