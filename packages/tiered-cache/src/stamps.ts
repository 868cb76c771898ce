import { LRUCache } from 'lru-cache';
import { isNewer, type LogId, newest, START } from './log-id.ts';

const MOST_TAGS = 10_000;

/** Whether a value may be used; `unknown` means that only Redis can tell. */
export type Verdict = 'valid' | 'invalid' | 'unknown';

/**
 * What this process has heard of invalidated tags and of clears. An invalidation of a tag raises
 * one stamp, whatever number of entries it speaks of; each entry finds out when it is next read.
 */
export class Stamps {
  #cleared: LogId = START;
  /** Of tags invalidated up to here not all are known. */
  #horizon: LogId = START;
  readonly #tags = new LRUCache<string, LogId>({
    max: MOST_TAGS,
    dispose: (stamp, _tag, reason) => {
      if (reason === 'evict') this.#horizon = newest(this.#horizon, stamp);
    },
  });

  /** To be asked of a value as of `asOf` that carries these tags. O(tags). */
  check(asOf: LogId, tags: readonly string[]): Verdict {
    if (isNewer(this.#cleared, asOf)) return 'invalid';
    if (tags.length === 0) return 'valid';
    for (const tag of tags) {
      const stamp = this.#tags.get(tag);
      if (stamp !== undefined && isNewer(stamp, asOf)) return 'invalid';
    }
    return isNewer(this.#horizon, asOf) ? 'unknown' : 'valid';
  }

  /** The newest stamp of these tags, or of the last clear. */
  newest(tags: readonly string[]): LogId {
    return tags.reduce((last, tag) => newest(last, this.#tags.get(tag) ?? START), this.#cleared);
  }

  /** Gives whether this was news. */
  raise(tags: readonly string[], id: LogId): boolean {
    let news = false;
    for (const tag of tags) {
      const stamp = this.#tags.get(tag);
      if (stamp !== undefined && !isNewer(id, stamp)) continue;
      this.#tags.set(tag, id);
      news = true;
    }
    return news;
  }

  /** Gives whether this was news. */
  clear(id: LogId): boolean {
    const news = isNewer(id, this.#cleared);
    if (news) this.#cleared = id;
    return news;
  }

  /**
   * Starts over at `horizon`: of the tags invalidated before, Redis knows. What is newer, an own
   * invalidation whose echo is still to come, stays known.
   */
  restart(horizon: LogId, cleared: LogId): void {
    this.#horizon = horizon;
    this.#cleared = newest(this.#cleared, cleared);
    for (const [tag, stamp] of this.#tags) {
      if (!isNewer(stamp, horizon)) this.#tags.delete(tag);
    }
  }
}
