import type { LocalTier } from './local-tier.ts';
import type { LogId } from './log-id.ts';
import type { LogWriter } from './log-writer.ts';

/** The log of a cache without Redis: changes are heard at once, in the order in which they are made. */
export class OwnLog implements LogWriter {
  readonly #local: LocalTier;
  #count = 0;

  constructor(local: LocalTier) {
    this.#local = local;
  }

  async #append(op: string, key: string): Promise<LogId> {
    const { cursor } = this.#local;
    const id = `${++this.#count}-0`;
    this.#local.heard({ id, previous: cursor, op, key });
    return id;
  }

  invalidate(key: string): Promise<LogId> {
    return this.#append('d', key);
  }

  expire(key: string): Promise<LogId> {
    return this.#append('x', key);
  }

  set(key: string): Promise<LogId> {
    return this.#append('s', key);
  }

  invalidateTags(tags: readonly string[]): Promise<LogId> {
    return this.#append('t', JSON.stringify(tags));
  }

  clear(): Promise<LogId> {
    return this.#append('c', '');
  }

  beginWrite(key: string): Promise<LogId> {
    return this.#append('d', key);
  }

  /** Other changes of the key cannot be told from it, so it is invalidated when there was any change at all. */
  async endWrite(key: string, _token: string, since: LogId) {
    const stored = this.#local.cursor === since;
    return { stored, id: await this.#append(stored ? 's' : 'd', key) };
  }

  async leaseExtend(): Promise<boolean> {
    return true;
  }

  async leaseRelease(): Promise<void> {}
}
