/** Counts since the cache was made. */
export interface TieredCacheStats {
  /** Calls of `get`: the sum of `hits`, `joined` and `flights`. */
  readonly gets: number;
  /** Answered by the local tier. */
  readonly hits: number;
  /** Waited for a read that was under way. */
  readonly joined: number;
  /** Began a read: the sum of `near`, `global`, `master`, `loads`, `stale`, `failed` and those under way. */
  readonly flights: number;
  /** Answered by each Redis. */
  readonly near: number;
  readonly global: number;
  readonly master: number;
  /** Answered by the loader. */
  readonly loads: number;
  /** Answered by a value past its time. */
  readonly stale: number;
  /** Rejected. */
  readonly failed: number;
  /** Calls of loaders, also those whose answer came too late to be used. */
  readonly loaderCalls: number;
  readonly local: { readonly entries: number; readonly bytes: number };
  /** Invalidations that wait for the master. */
  readonly undelivered: number;
  /** Keys whose own write has not come back on near. */
  readonly fenced: number;
  /** The log has been read up to here; `0-0` before the first time. */
  readonly cursor: string;
  /** Whether changes are heard. */
  readonly confirmed: boolean;
}

export type Source = 'near' | 'global' | 'master' | 'loads' | 'stale' | 'failed';

/** The counters behind the stats; plain numbers, for the hit path adds to one. */
export class Counters {
  hits = 0;
  joined = 0;
  flights = 0;
  loaderCalls = 0;
  near = 0;
  global = 0;
  master = 0;
  loads = 0;
  stale = 0;
  failed = 0;
}

/** Of all partitions together, but for the cursor, which they do not share. */
export function sumOfStats(all: readonly TieredCacheStats[]): Omit<TieredCacheStats, 'cursor'> {
  const sum = (of: (stats: TieredCacheStats) => number) =>
    all.reduce((total, stats) => total + of(stats), 0);
  return {
    gets: sum((stats) => stats.gets),
    hits: sum((stats) => stats.hits),
    joined: sum((stats) => stats.joined),
    flights: sum((stats) => stats.flights),
    near: sum((stats) => stats.near),
    global: sum((stats) => stats.global),
    master: sum((stats) => stats.master),
    loads: sum((stats) => stats.loads),
    stale: sum((stats) => stats.stale),
    failed: sum((stats) => stats.failed),
    loaderCalls: sum((stats) => stats.loaderCalls),
    local: {
      entries: sum((stats) => stats.local.entries),
      bytes: sum((stats) => stats.local.bytes),
    },
    undelivered: sum((stats) => stats.undelivered),
    fenced: sum((stats) => stats.fenced),
    confirmed: all.every((stats) => stats.confirmed),
  };
}
