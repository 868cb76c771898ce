import type { Clock } from './clock.ts';
import type { LogId } from './log-id.ts';
import type { RedisTopology } from './redis-like.ts';

export interface TieredCacheOptions {
  /** Whose keys these are; 1 to 128 characters without white space and braces. */
  namespace: string;
  /** A client, `{ master, near }`, or `{ master, global, regions, region }`. */
  redis: RedisTopology;
  /** How long a value is fresh, ms. Default: 300,000. */
  ttlMs?: number;
  /** How long after that it may still stand in for a loader that fails or is slow, ms. Default: 600,000. */
  graceMs?: number;
  /** How long such a stand-in is served before the loader is tried again, ms. Default: 5,000. */
  backoffMs?: number;
  /** Share of the time to live that is taken off at random, 0..1, so that keys do not expire together. Default: 0.1. */
  jitter?: number;
  /** The local tier: most entries (10,000), most bytes of text (64 MiB), longest time to live in ms (60,000). */
  local?: { maxEntries?: number; maxBytes?: number; ttlMs?: number };
  /** After so many ms a stale value, if there is one, is served while the loader goes on. Default: 500. */
  softTimeoutMs?: number;
  /** After so many ms the loader is aborted. Default: 10,000. */
  hardTimeoutMs?: number;
  /** How long a read of the near replica may take, ms. Default: 100. */
  nearTimeoutMs?: number;
  /** How long a call of the master, or a read of `global`, may take, ms. Default: 1,000. */
  masterTimeoutMs?: number;
  /** How long the right to load a key outlives a crash of its holder, ms; renewed at a third. Default: 10,000. */
  leaseMs?: number;
  /** How long to wait for another process that loads the key, ms; then this one loads too. Default: 5,000. */
  leaseWaitMs?: number;
  /** Longest value as JSON, characters; longer ones stay in the local tier. Default: 1,048,576. */
  maxValueLength?: number;
  /** About how many changes the log keeps: a follower that was away for longer starts over. Default: 100,000. */
  logLength?: number;
  /** After so many ms without a sign of life from the near replica it is unconfirmed. Default: 3,000. */
  unconfirmedAfterMs?: number;
  /** For so many ms more the local tier is served as it is; then reads go to the master. Default: 5,000. */
  serveUnconfirmedMs?: number;
  /** Then, with no Redis to ask: the local tier within its time to live, or the loader. Default: `'stale'`. */
  onPartition?: 'stale' | 'bypass';
  /** Default: `Date.now`. */
  clock?: Clock;
  /** Default: `Math.random`. */
  random?: () => number;
}

/** What the loader is given. */
export interface LoaderContext<T> {
  /** Aborted when the loader has taken `hardTimeoutMs`, and by `close()`. */
  readonly signal: AbortSignal;
  /** The value whose time is over, when there still is one. */
  readonly stale: T | undefined;
}

/**
 * Gets the value from where it belongs. `null` is a value; `undefined` is handed out but not cached.
 * What is cached, and handed out, is the value as JSON carries it, frozen.
 */
export type Loader<T> = (context: LoaderContext<T>) => T | Promise<T>;

/** Of the callers that wait for the same load, those of the first one count. */
export interface GetOptions<T> {
  /** Default: that of the cache. */
  ttlMs?: number;
  /** What `invalidateTags` knows the value by, or how to tell from it; at most 64. Default: none. */
  tags?: readonly string[] | ((value: T) => readonly string[]);
  /** `id` of a write, from this or another process: the answer knows of that write. */
  after?: LogId;
  /** Ends this caller's wait; the load goes on for the others and for the cache. */
  signal?: AbortSignal;
}

export interface SetOptions {
  /** Default: that of the cache. */
  ttlMs?: number;
  /** What `invalidateTags` knows the value by; at most 64. Default: none. */
  tags?: readonly string[];
}

export interface InvalidateOptions {
  /** Reject with MasterUnavailableError when the master did not confirm, instead of `'queued'`. Default: false. */
  required?: boolean;
}

/** What became of an invalidation. */
export type InvalidateResult =
  /** The master has it: `id` is its place in the log, for `after`. */
  | { readonly status: 'done'; readonly id: LogId }
  /** The master did not answer: this process no longer serves the value, and delivers it when the master is back. */
  | { readonly status: 'queued'; readonly id: undefined };
