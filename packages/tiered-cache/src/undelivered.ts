import type { LogId } from './log-id.ts';
import type { Remote } from './remote.ts';

const MOST = 10_000;
const PARALLEL = 64;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/** Told as each write arrives at the master, to take note of its id. */
export interface Delivered {
  key(key: string, id: LogId): void;
  tags(tags: readonly string[], id: LogId): void;
  all(id: LogId): void;
  /** Nothing is left. */
  done(count: number): void;
}

/**
 * Invalidations that the master has not confirmed, held until it does. What they cover must not be
 * read from any Redis. When there are too many, they become one clear.
 */
export class Undelivered {
  readonly #remote: Remote | undefined;
  readonly #delivered: Delivered;
  /** With the number of the last change: one that comes while an earlier one is on its way stays. */
  readonly #keys = new Map<string, number>();
  readonly #tags = new Map<string, number>();
  /** Of the last clear, 0 when none waits. */
  #all = 0;
  #changes = 0;
  #count = 0;
  #delivering: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #closed = false;

  constructor(remote: Remote | undefined, delivered: Delivered) {
    this.#remote = remote;
    this.#delivered = delivered;
  }

  get size(): number {
    return this.#keys.size + this.#tags.size + (this.#all > 0 ? 1 : 0);
  }

  /** Whether a clear waits: everything is covered. */
  get collapsed(): boolean {
    return this.#all > 0;
  }

  covers(key: string, tags: readonly string[]): boolean {
    if (this.#all > 0 || this.#keys.has(key)) return true;
    return this.#tags.size > 0 && tags.some((tag) => this.#tags.has(tag));
  }

  addKey(key: string): void {
    this.#keys.set(key, ++this.#changes);
    this.#added();
  }

  addTags(tags: readonly string[]): void {
    this.#changes++;
    for (const tag of tags) this.#tags.set(tag, this.#changes);
    this.#added();
  }

  addAll(): void {
    this.#collapse();
    this.#added();
  }

  /** Number of the last change; a write that begins now is later than all up to it. */
  get changes(): number {
    return this.#changes;
  }

  /**
   * A write of the key has arrived which began after the change numbered `upTo`, and says all that was
   * to be said of the changes up to it. One that was added while the write was on its way stays.
   */
  drop(key: string, upTo: number): void {
    const change = this.#keys.get(key);
    if (change !== undefined && change <= upTo) this.#keys.delete(key);
  }

  #added(): void {
    if (this.size > MOST) this.#collapse();
    this.#later();
  }

  #collapse(): void {
    this.#keys.clear();
    this.#tags.clear();
    this.#all = ++this.#changes;
  }

  #later(): void {
    if (this.#closed || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => void this.deliver(), this.#retryMs).unref();
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  /** Tries to deliver everything; what fails is tried again later. Never rejects. */
  deliver(): Promise<void> {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.size === 0) return Promise.resolve();
    this.#delivering ??= this.#deliverAll()
      .then(
        () => {
          this.#retryMs = FIRST_RETRY_MS;
          this.#delivered.done(this.#count);
          this.#count = 0;
        },
        () => this.#later(),
      )
      .finally(() => {
        this.#delivering = undefined;
      });
    return this.#delivering;
  }

  async #deliverAll(): Promise<void> {
    const remote = this.#remote;
    if (remote === undefined) return; // memory only: every change is confirmed
    while (this.size > 0) {
      if (this.#all > 0) {
        const change = this.#all;
        const id = await remote.clear();
        if (this.#all === change) this.#all = 0;
        this.#count++;
        this.#delivered.all(id);
      }
      const keys = [...this.#keys].slice(0, PARALLEL);
      const tags = [...this.#tags].slice(0, PARALLEL);
      if (tags.length > 0) {
        const names = tags.map(([tag]) => tag);
        const id = await remote.invalidateTags(names);
        for (const [tag, change] of tags) {
          if (this.#tags.get(tag) === change) this.#tags.delete(tag);
        }
        this.#count += tags.length;
        this.#delivered.tags(names, id);
      }
      await Promise.all(
        keys.map(async ([key, change]) => {
          const id = await remote.invalidate(key);
          if (this.#keys.get(key) === change) this.#keys.delete(key);
          this.#count++;
          this.#delivered.key(key, id);
        }),
      );
    }
  }

  /** Gives what is left one last chance. */
  async close(): Promise<void> {
    await this.deliver();
    this.#closed = true;
    clearTimeout(this.#retry);
  }
}
