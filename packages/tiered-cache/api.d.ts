/**
 * Id of an entry of the log, `<ms>-<sequence>`, given by XADD on the master: the only clock that
 * orders writes. It is also the causal token that `get` takes as `after`.
 */
type LogId = string;

/** Wall clock in milliseconds. It serves times to live only, never the order of writes. */
interface Clock {
    now(): number;
}

/**
 * What is called of a Redis client: ioredis 5 or 6, or iovalkey. It is never configured or closed;
 * `duplicate` makes the connection that follows the log, and that one is ours.
 */
interface RedisLike {
    get(key: string): Promise<string | null>;
    mget(...keys: string[]): Promise<(string | null)[]>;
    eval(script: string, keyCount: number, ...args: (string | number)[]): Promise<unknown>;
    evalsha(sha: string, keyCount: number, ...args: (string | number)[]): Promise<unknown>;
    ping(): Promise<unknown>;
    duplicate(override?: object): LogConnection;
}
/** The connection that follows the log: made by `duplicate()`, closed by the cache. */
interface LogConnection {
    get(key: string): Promise<string | null>;
    xread(count: 'COUNT', most: number, block: 'BLOCK', ms: number, streams: 'STREAMS', key: string, id: string): Promise<unknown>;
    xrevrange(key: string, end: '+', start: '-', count: 'COUNT', most: number): Promise<unknown>;
    disconnect(): void;
    on(event: 'error', listener: (error: Error) => void): unknown;
}
/** The chain as this process sees it. */
type RedisTopology = 
/** One Redis for all. */
RedisLike
/** Writes go to `master`, reads to `near`, a replica of it, direct or through others. */
 | {
    master: RedisLike;
    near: RedisLike;
}
/** Reads go to `regions[region]`; when that one fails, to `global`, which must be upstream of it. */
 | {
    master: RedisLike;
    global: RedisLike;
    regions: Record<string, RedisLike>;
    region: string;
};

interface TieredCacheOptions {
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
    local?: {
        maxEntries?: number;
        maxBytes?: number;
        ttlMs?: number;
    };
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
interface LoaderContext<T> {
    /** Aborted when the loader has taken `hardTimeoutMs`, and by `close()`. */
    readonly signal: AbortSignal;
    /** The value whose time is over, when there still is one. */
    readonly stale: T | undefined;
}
/**
 * Gets the value from where it belongs. `null` is a value; `undefined` is handed out but not cached.
 * What is cached, and handed out, is the value as JSON carries it, frozen.
 */
type Loader<T> = (context: LoaderContext<T>) => T | Promise<T>;
/** Of the callers that wait for the same load, those of the first one count. */
interface GetOptions<T> {
    /** Default: that of the cache. */
    ttlMs?: number;
    /** What `invalidateTags` knows the value by, or how to tell from it; at most 64. Default: none. */
    tags?: readonly string[] | ((value: T) => readonly string[]);
    /** `id` of a write, from this or another process: the answer knows of that write. */
    after?: LogId;
    /** Ends this caller's wait; the load goes on for the others and for the cache. */
    signal?: AbortSignal;
}
interface SetOptions {
    /** Default: that of the cache. */
    ttlMs?: number;
    /** What `invalidateTags` knows the value by; at most 64. Default: none. */
    tags?: readonly string[];
}
interface InvalidateOptions {
    /** Reject with MasterUnavailableError when the master did not confirm, instead of `'queued'`. Default: false. */
    required?: boolean;
}
/** What became of an invalidation. */
type InvalidateResult = 
/** The master has it: `id` is its place in the log, for `after`. */
{
    readonly status: 'done';
    readonly id: LogId;
}
/** The master did not answer: this process no longer serves the value, and delivers it when the master is back. */
 | {
    readonly status: 'queued';
    readonly id: undefined;
};

type TierName = 'near' | 'global' | 'master';

/** What `healthCheck().check()` resolves with. */
interface CacheHealth {
    readonly masterMs: number;
    readonly nearMs: number;
    readonly undelivered: number;
}

/** Codes of the errors of this package. */
type TieredCacheErrorCode = 'ERR_CACHE_CLOSED' | 'ERR_CACHE_MASTER_UNAVAILABLE' | 'ERR_CACHE_LOADER_TIMEOUT' | 'ERR_CACHE_VALUE' | 'ERR_CACHE_UNHEALTHY';
/** Common ancestor of the errors of this package; `instanceof` recognises those of another copy of it too. */
declare abstract class TieredCacheError extends Error {
    abstract readonly code: TieredCacheErrorCode;
    /** Namespace of the cache. */
    readonly namespace: string;
    constructor(namespace: string, message: string, options?: ErrorOptions);
}
/** The cache was closed: the call was not made, or what it waited for was given up. */
declare class CacheClosedError extends TieredCacheError {
    readonly code = "ERR_CACHE_CLOSED";
    constructor(namespace: string);
}
/**
 * The master did not confirm a write. An invalidation is queued all the same and this process no
 * longer serves the old value; a `set` may or may not have been made, and its key is invalidated
 * as soon as the master answers.
 */
declare class MasterUnavailableError extends TieredCacheError {
    readonly code = "ERR_CACHE_MASTER_UNAVAILABLE";
    readonly operation: 'set' | 'invalidate' | 'invalidateTags' | 'clear';
    constructor(namespace: string, operation: 'set' | 'invalidate' | 'invalidateTags' | 'clear', cause: unknown);
}
/** The loader took longer than `hardTimeoutMs` and there was no stale value; its signal was aborted. */
declare class LoaderTimeoutError extends TieredCacheError {
    readonly code = "ERR_CACHE_LOADER_TIMEOUT";
    readonly key: string;
    readonly timeoutMs: number;
    constructor(namespace: string, key: string, timeoutMs: number);
}
/** A value that JSON cannot carry (a cycle, a BigInt, a function), or is too large to `set`. */
declare class CacheValueError extends TieredCacheError {
    readonly code = "ERR_CACHE_VALUE";
    readonly key: string;
    constructor(namespace: string, key: string, rule: string, options?: ErrorOptions);
}
/** What `healthCheck().check()` rejects with; `reason` names what does not hold. */
declare class CacheUnhealthyError extends TieredCacheError {
    readonly code = "ERR_CACHE_UNHEALTHY";
    readonly reason: string;
    constructor(namespace: string, reason: string, options?: ErrorOptions);
}

/** Events of a cache, by name, with what each listener is given. */
interface TieredCacheEvents {
    /** A Redis stopped answering; it is asked nothing until a PING in the background is answered. */
    tierDown: {
        readonly tier: TierName;
        readonly cause: unknown;
    };
    tierUp: {
        readonly tier: TierName;
    };
    /** Nothing is heard of changes: from now on reads go past the local tier and the near replica. */
    degraded: {
        readonly silentMs: number;
    };
    recovered: {
        readonly silentMs: number;
    };
    /** Changes were missed (the log was cut, lost or replaced): what is as of before was dropped. */
    gap: {
        readonly from: string;
        readonly to: string;
    };
    /** A stale value stood in. */
    stale: {
        readonly key: string;
        readonly reason: 'failed' | 'slow' | 'busy';
        readonly error?: unknown;
    };
    /** What was loaded was not kept in Redis: the key changed meanwhile, or it does not fit. */
    refused: {
        readonly key: string;
        readonly reason: 'changed' | 'too long' | 'not JSON';
        readonly error?: unknown;
    };
    /** An entry in Redis that this package did not write, or wrote in another version; read as a miss. */
    undecodable: {
        readonly key: string;
    };
    /** An invalidation could not be delivered; so many are waiting. */
    queued: {
        readonly waiting: number;
    };
    /** All that waited have been delivered, so many. */
    delivered: {
        readonly count: number;
    };
}

/** Counts since the cache was made. */
interface TieredCacheStats {
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
    readonly local: {
        readonly entries: number;
        readonly bytes: number;
    };
    /** Invalidations that wait for the master. */
    readonly undelivered: number;
    /** Keys whose own write has not come back on near. */
    readonly fenced: number;
    /** The log has been read up to here; `0-0` before the first time. */
    readonly cursor: string;
    /** Whether changes are heard. */
    readonly confirmed: boolean;
}

/**
 * A cache of tiers: this process, the near Redis replica, upstream ones, the master, the loader.
 *
 * A read takes the nearest value that no known change speaks against. Of all processes one loads a
 * missing key, under a lease that any change of the key takes away, so that no old value is stored
 * after it. A change is written to the master together with an entry of a log; every process
 * follows the log on the very replica it reads, where the entry arrives with the data it speaks of.
 * Until its own change has come back that way, a process reads that key from the master.
 *
 * It opens its connection with the first call and must be closed.
 */
declare class TieredCache {
    #private;
    /**
     * Does no I/O.
     *
     * @throws TypeError when an option has the wrong type
     * @throws RangeError when an option is out of range
     */
    constructor(options: TieredCacheOptions);
    /**
     * Gives the value of `key`, from the nearest tier that has it or else from the loader, which runs
     * once however many callers and processes want the key. O(1).
     *
     * @throws LoaderTimeoutError when the loader took too long and there is no stale value
     * @throws CacheClosedError when the cache is closed
     * @throws whatever the loader throws, when there is no stale value
     */
    get<T>(key: string, loader: Loader<T>, options?: GetOptions<T>): Promise<T>;
    /**
     * Stores a value everywhere, now; the source must have it already. Gives the id of the write.
     *
     * @throws CacheValueError when JSON cannot carry it, or it is longer than `maxValueLength`
     * @throws MasterUnavailableError when the master did not confirm; then the key will be invalidated
     */
    set(key: string, value: unknown, options?: SetOptions): Promise<{
        id: LogId;
    }>;
    /**
     * Removes the value everywhere; nothing loaded before comes back. When the master does not
     * confirm, the result is `queued`: this process does not serve the value any more, and delivers
     * the invalidation when the master is back, if it lives so long.
     *
     * @throws MasterUnavailableError instead, when `required`
     */
    invalidate(key: string, options?: InvalidateOptions): Promise<InvalidateResult>;
    /**
     * Removes every value that carries one of the tags, whatever their number: O(tags). Otherwise
     * like `invalidate`.
     *
     * @throws MasterUnavailableError instead, when `required`
     */
    invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<InvalidateResult>;
    /**
     * Removes every value of the namespace, whatever their number: O(1). Otherwise like `invalidate`.
     *
     * @throws MasterUnavailableError instead, when `required`
     */
    clear(options?: InvalidateOptions): Promise<InvalidateResult>;
    /** Calls `listener` at each event of that name; the function that comes back takes it off again. */
    on<Name extends keyof TieredCacheEvents>(name: Name, listener: (event: TieredCacheEvents[Name]) => void): () => void;
    /** Counts since the cache was made. */
    stats(): TieredCacheStats;
    /** Well is a cache whose master and near replica answer and that hears of changes. */
    healthCheck(): {
        name: string;
        check(signal: AbortSignal): Promise<CacheHealth>;
    };
    /**
     * Aborts loads, tries once more to deliver what is queued, closes our connection. Reads and
     * writes reject from then on. Calling it again waits for the same.
     */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export { CacheClosedError, type CacheHealth, CacheUnhealthyError, CacheValueError, type Clock, type GetOptions, type InvalidateOptions, type InvalidateResult, type Loader, type LoaderContext, LoaderTimeoutError, type LogConnection, type LogId, MasterUnavailableError, type RedisLike, type RedisTopology, type SetOptions, type TierName, TieredCache, TieredCacheError, type TieredCacheErrorCode, type TieredCacheEvents, type TieredCacheOptions, type TieredCacheStats };
