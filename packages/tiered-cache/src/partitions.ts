import type { LogId } from './log-id.ts';
import type { InvalidateResult } from './options.ts';
import { Partition, type PartitionParts } from './partition.ts';
import { sumOfStats, type TieredCacheStats } from './stats.ts';
import { idIn, toToken } from './token.ts';

/**
 * The partitions of a namespace, and which of them a key belongs to: one, unless the namespace is
 * spread over a cluster. Each has a log, so that an id means something in its partition only; what
 * callers get and give is a token, which says of which partition the id is.
 */
export class Partitions {
  readonly all: readonly Partition[];
  readonly #only: Partition | undefined;

  constructor(namespace: string, count: number, parts: PartitionParts) {
    // no namespace has a blank, so no partition has the name of another namespace
    const names =
      count === 1 ? [namespace] : Array.from({ length: count }, (_, i) => `${namespace} ${i}`);
    this.all = names.map((name) => new Partition(name, parts));
    this.#only = count === 1 ? this.all[0] : undefined;
  }

  of(key: string): Partition {
    return this.#only ?? (this.all[this.#indexOf(key)] as Partition);
  }

  /** FNV-1a. */
  #indexOf(key: string): number {
    if (this.#only || typeof key !== 'string') return 0;
    let hash = 0x811c9dc5;
    for (let i = 0; i < key.length; i++) {
      hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    }
    return (hash >>> 0) % this.all.length;
  }

  /** The id that the token has for the partition of `key`. */
  idFor(key: string, token: string): LogId | undefined {
    return idIn(token, this.#indexOf(key), this.all.length);
  }

  /** The token of a write to `key`. */
  token(key: string, id: LogId): string {
    return this.#only ? id : toToken([[this.#indexOf(key), id]]);
  }

  /** The result with the token in place of the id. */
  named(key: string, result: InvalidateResult): InvalidateResult {
    return result.status === 'done' ? { ...result, id: this.token(key, result.id) } : result;
  }

  /** Makes a change in every partition; it is done when all have confirmed. */
  async everywhere(
    change: (partition: Partition) => Promise<InvalidateResult>,
  ): Promise<InvalidateResult> {
    const results = await Promise.all(this.all.map(change));
    const ids: [number, LogId][] = [];
    for (const [i, { id }] of results.entries()) {
      if (id === undefined) return { status: 'queued', id };
      ids.push([i, id]);
    }
    const only = this.#only && ids[0];
    return { status: 'done', id: only ? only[1] : toToken(ids) };
  }

  stats(): TieredCacheStats {
    if (this.#only) return this.#only.stats();
    const all = this.all.map((partition) => partition.stats());
    return { ...sumOfStats(all), cursor: toToken(all.map(({ cursor }, i) => [i, cursor])) };
  }
}
