import type { Clock } from './clock.ts';
import type { Codec, Compression } from './codec.ts';
import type { LogId } from './log-id.ts';
import type { RedisTopology, Residency } from './redis-like.ts';

/** Makes a call, or refuses to: `execute` of a circuit breaker. */
export type Guard = <T>(call: () => Promise<T>) => Promise<T>;

export interface TieredCacheOptions {
  /** Whose keys these are; 1 to 128 characters without white space and braces. */
  namespace: string;
  /** A client, `{ master, near }`, or `{ master, global, regions, region }`. Default: none, memory only. */
  redis?: RedisTopology;
  /** Keeps the data of the namespace in one region, on a Redis of its own. Default: they go through the chain. */
  residency?: Residency;
  /** Over so many slots of a Redis Cluster the keys are spread, 1 to 64; each has a log. Default: 1. */
  partitions?: number;
  /** How long a value is fresh, ms. Default: 300,000. */
  ttlMs?: number;
  /** How long it is remembered that a loader gave `undefined`, ms; 0: not at all. Default: 0. */
  negativeTtlMs?: number;
  /** How long after its time a value may still stand in for a loader that fails or is slow, ms. Default: 600,000. */
  graceMs?: number;
  /** How long such a stand-in is served before the loader is tried again, ms. Default: 5,000. */
  backoffMs?: number;
  /** Share of the time to live that is taken off at random, 0..1, so that keys do not expire together. Default: 0.1. */
  jitter?: number;
  /** XFetch's beta: how eagerly values are refreshed before they expire, in durations of their load; 0: not. Default: 1. */
  earlyRefresh?: number;
  /** How far the database replica that loaders read may lag, ms: what is loaded sooner after a change lives only so long. Default: 0. */
  sourceLagMs?: number;
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
  /** Longest value as Redis keeps it, characters; longer ones stay in the local tier. Default: 1,048,576. */
  maxValueLength?: number;
  /** `'json'`, `'v8'` (structured clone), or one of your own. Default: `'json'`. */
  codec?: 'json' | 'v8' | Codec;
  /** Deflates large values. Default: not. */
  compression?: Compression;
  /** Version of the values' shape; what was written under another one is a miss. Default: `''`. */
  version?: string;
  /** About how many changes the log keeps: a follower that was away for longer starts over. Default: 100,000. */
  logLength?: number;
  /** After so many ms without a sign of life from the near replica it is unconfirmed. Default: 3,000. */
  unconfirmedAfterMs?: number;
  /** For so many ms more the local tier is served as it is; then reads go to the master. Default: 5,000. */
  serveUnconfirmedMs?: number;
  /** Then, with neither `global` nor `master` to ask: what is here and near, within its time to live, or the loader. Default: `'stale'`. */
  onPartition?: 'stale' | 'bypass';
  /** Makes every call of a Redis, e.g. `execute` of a circuit breaker. What it refuses counts as a dead Redis. Default: none. */
  guard?: Guard;
  /** Default: the system's. */
  clock?: Clock;
  /** Default: `Math.random`. */
  random?: () => number;
}

/** What the loader is given. */
export interface LoaderContext<T> {
  /** Aborted when the loader has taken `hardTimeoutMs`, and by `close()`. */
  readonly signal: AbortSignal;
  /** The value whose time is over, when there still is one. To return it says that it has not changed. */
  readonly stale: T | undefined;
}

/**
 * Gets the value from where it belongs. `null` is a value; `undefined` is handed out, and cached only
 * with `negativeTtlMs`. What is cached, and handed out, is the value as the codec carries it, frozen.
 */
export type Loader<T> = (context: LoaderContext<T>) => T | Promise<T>;

/** `undefined`: no such tags. */
export type TagsOf<T> = readonly string[] | ((value: T) => readonly string[]);

/** How a value is kept. */
export interface KeepOptions<T> {
  /** Default: that of the cache. */
  ttlMs?: number;
  /** Default: that of the cache. */
  negativeTtlMs?: number;
  /** What `invalidateTags` knows the value by, or how to tell from it; at most 64. Default: none. */
  tags?: TagsOf<T>;
}

export interface ReadOptions {
  /** Id of a write, from this or another process: the answer knows of that write. */
  after?: LogId;
  /** Ends this caller's wait; the load goes on for the others and for the cache. */
  signal?: AbortSignal;
}

/** Of the callers that wait for the same load, those of the first one count. */
export interface GetOptions<T> extends KeepOptions<T>, ReadOptions {}

export interface SetOptions {
  /** Default: that of the cache. */
  ttlMs?: number;
  /** What `invalidateTags` knows the value by; at most 64. Default: none. */
  tags?: readonly string[];
}

/**
 * Gets the values of all keys that no tier has, in one go: a map, or an array in the order of the
 * keys. A key that is not in the map, or `undefined` in the array, is like a loader's `undefined`.
 */
export type BulkLoader<T> = (
  keys: readonly string[],
  context: { readonly signal: AbortSignal },
) => BulkResult<string, T> | Promise<BulkResult<string, T>>;

export type BulkResult<K, T> = ReadonlyMap<K, T> | readonly (T | undefined)[];

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

/** What came of a write-through: what the writer gave, and what became of the cached value. */
export type WriteResult<T> = { readonly value: T } & InvalidateResult;
