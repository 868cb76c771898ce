// edge.d.ts
import { IncomingMessage, ServerResponse } from 'node:http';

/** What an edge takes as tags of a response, and as instructions for itself. */
interface Vendor {
    /** Header that carries the tags. */
    readonly tagHeader: string;
    readonly separator: ' ' | ',';
    /** Longest tag, characters. */
    readonly maxTagLength: number;
    /** Most tags of a response. */
    readonly maxTags: number;
    /** Longest value of the header, bytes. */
    readonly maxHeaderBytes: number;
    /** Header that only the edge obeys; `undefined`: `s-maxage` of Cache-Control. */
    readonly controlHeader: 'Surrogate-Control' | 'CDN-Cache-Control' | undefined;
    /** Put before a tag when it is purged. */
    readonly purgePrefix: string;
    /** Most tags of one purge. */
    readonly purgeBatch: number;
}
declare const vendors: {
    readonly fastly: Vendor;
    readonly cloudflare: Vendor;
    readonly cloudfront: Vendor;
    readonly akamai: Vendor;
    readonly varnish: Vendor;
};
type VendorName = keyof typeof vendors;

interface EdgeCacheOptions {
    /** Whose headers and limits. */
    vendor: VendorName;
    /** Asks the edge to drop what carries one of these tags; rejects when it did not. */
    purge(tags: readonly string[]): Promise<void>;
    /** How far the farthest region lags, ms: the second purge comes after it. Default: 1,000. */
    regionLagMs?: number;
    /** Header of the tags, where the edge lets one choose (CloudFront). Default: the vendor's. */
    tagHeader?: string;
}
/** How the edge may keep a response. */
interface EdgeMark {
    /** What `purge` knows the response by. */
    tags: readonly string[];
    /** How long the edge may serve it, ms. */
    ttlMs: number;
    /** How long after that while it fetches a new one, ms. Default: 0. */
    staleWhileRevalidateMs?: number;
    /** How long after that when the origin fails, ms. Default: 0. */
    staleIfErrorMs?: number;
    /** It is the same for everybody, though the request has Authorization or the response Set-Cookie. Default: false. */
    public?: boolean;
}
interface EdgeEvents {
    /** A response had more tags than the edge takes; coarse ones stand for them. */
    overflow: {
        readonly tags: number;
    };
    /** A purge failed; the second one is tried again, five times in all. */
    purgeFailed: {
        readonly tags: readonly string[];
        readonly error: unknown;
        readonly tries: number;
    };
}
/** A request or response header, whoever made it. */
type HeaderValue = string | number | readonly string[] | undefined;
/**
 * The edge as one more tier: says how it may keep a response and by which tags it will be purged,
 * and purges twice, when a change is committed and when the farthest region must have it, for in
 * between the edge may have fetched the old page from there.
 */
declare class EdgeCache {
    #private;
    /** @throws TypeError or RangeError when an option is wrong */
    constructor(options: EdgeCacheOptions);
    on<Name extends keyof EdgeEvents>(name: Name, listener: (event: EdgeEvents[Name]) => void): () => void;
    /**
     * Says how the response to `request` may be kept. Of several marks of one request the tags add
     * up, the shortest times count, and all must be `public`.
     *
     * @throws TypeError or RangeError when a time or the tags are wrong
     */
    mark(request: object, { tags, ...mark }: EdgeMark): void;
    /**
     * The headers of the response: for the browser to ask again each time, for the edge to keep it as
     * marked; not at all when nothing was marked, or when it is for one user only.
     */
    headers(request: object, authorization: HeaderValue, setCookie: HeaderValue): Record<string, string>;
    /**
     * Purges what carries one of the tags, now, and again after `regionLagMs`. To be called after
     * `invalidateTags` of the cache.
     *
     * @throws TypeError when the tags are not an array of strings
     * @throws whatever `purge` rejects with the first time; the second comes all the same
     */
    purge(tags: readonly string[]): Promise<void>;
    /** Makes the second purges that are still to come, now. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

type Body = string | Uint8Array;
/** A strong ETag: quoted, by SHA-256 of the body. O(size). */
declare const etagOf: (body: Body) => string;
/** Whether a client that sent this If-None-Match has the representation already (RFC 9110, 13.1.2). */
declare function isNotModified(ifNoneMatch: string | undefined, etag: string): boolean;
/** What `respond` sends. */
interface Response extends Partial<EdgeMark> {
    body: Body;
    /** Of the body. Default: `application/json`. */
    contentType?: string;
}
/**
 * Ends a response of `node:http` to GET or HEAD: 200 with an ETag and the headers of the edge, or
 * 304 when the client has it. With `ttlMs` it is marked as by `edge.mark`.
 */
declare function respond(edge: EdgeCache, request: IncomingMessage, response: ServerResponse, { body, contentType, ttlMs, tags, ...mark }: Response): void;
/** What is called of Fastify's request and reply. */
interface FastifyRequestLike {
    readonly raw: object;
    readonly method: string;
    readonly headers: {
        authorization?: string | undefined;
        'if-none-match'?: string | undefined;
    };
}
interface FastifyReplyLike {
    readonly statusCode: number;
    getHeader(name: string): string | number | string[] | undefined;
    header(name: string, value: string): unknown;
    code(status: number): unknown;
}
/**
 * A hook for Fastify: `app.addHook('onSend', edgeHook(edge))`. Handlers mark what may be kept by
 * `edge.mark(request.raw, { tags, ttlMs })`.
 */
declare function edgeHook(edge: EdgeCache): (request: FastifyRequestLike, reply: FastifyReplyLike, payload: unknown) => Promise<unknown>;

/** A Varnish did not take a purge. */
declare class VarnishPurgeError extends Error {
    readonly name = "VarnishPurgeError";
    readonly code = "ERR_CACHE_VARNISH_PURGE";
    readonly url: string;
    readonly status: number;
    constructor(url: string, status: number);
}
/**
 * A `purge` for every Varnish of a list, with the VCL of this package (`vcl/evenkeel.vcl`).
 *
 * The function that comes back rejects with VarnishPurgeError, or with what `fetch` rejects with,
 * when one of them did not purge within `timeoutMs` (default 2,000).
 *
 * @throws TypeError or RangeError when an option is wrong
 */
declare function varnishPurge(urls: readonly string[], options?: {
    timeoutMs?: number;
}): (tags: readonly string[]) => Promise<void>;

export { EdgeCache, type EdgeCacheOptions, type EdgeMark, type Response, VarnishPurgeError, type VendorName, edgeHook, etagOf, isNotModified, respond, varnishPurge };

// index.d.ts
/**
 * Id of an entry of the log, `<ms>-<sequence>`, given by XADD on the master: the only clock that
 * orders writes. It is also the causal token that `get` takes as `after`.
 */
type LogId = string;

/** How values become text or bytes and back. What `encode` gives, `decode` gets, in any process. */
interface Codec {
    /** 1 to 32 letters, digits or dashes; values of another codec are a miss. */
    readonly name: string;
    /** May throw; then the value is handed out and not cached. */
    encode(value: unknown): string | Uint8Array;
    /** May throw; then the entry is a miss and the event `undecodable`. */
    decode(data: string | Uint8Array): unknown;
}
/** Values at least this large are deflated, when that makes them smaller. */
interface Compression {
    /** Of the encoded value, bytes. Default: 2,048. */
    minBytes?: number;
    /** 1 (fast) to 9 (small); it blocks the event loop meanwhile. Default: 1. */
    level?: number;
}

/**
 * What is called of a Redis client: ioredis 5 or 6 (single or Cluster), or iovalkey. It is never configured or closed;
 * `duplicate` makes the connection that follows the log, and that one is ours.
 */
interface RedisLike {
    get(key: string): Promise<string | null>;
    mget(...keys: string[]): Promise<(string | null)[]>;
    eval(script: string, keyCount: number, ...args: (string | number)[]): Promise<unknown>;
    evalsha(sha: string, keyCount: number, ...args: (string | number)[]): Promise<unknown>;
    ping(): Promise<unknown>;
    /** Of a single Redis the options that differ; of a Cluster the nodes, none for the same, then the options. */
    duplicate(override?: object, options?: object): LogConnection;
    /** Of a Cluster. */
    readonly isCluster?: boolean;
    readonly options?: object;
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
/** Where the data of a namespace must stay. */
interface Residency {
    /** Processes of any other region are refused: what they read would leave it. */
    region: string;
    /** A Redis of that region which is no part of the chain, whose replicas are everywhere. */
    redis: RedisLike;
}

/**
 * Wall clock and timers of values and loaders: times to live, grace, back-off, time-outs of loaders.
 * It never orders writes, and Redis is waited for in real time whatever it says (decision 35). Inject
 * one to move it by hand in tests.
 */
interface Clock {
    /** Milliseconds since the epoch. */
    now(): number;
    /** Calls `callback` once after `delayMs`; the handle is given to `clearTimeout`. */
    setTimeout(callback: () => void, delayMs: number): unknown;
    clearTimeout(handle: unknown): void;
}

/** Makes a call, or refuses to: `execute` of a circuit breaker. */
type Guard = <T>(call: () => Promise<T>) => Promise<T>;
interface TieredCacheOptions {
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
interface LoaderContext<T> {
    /** Aborted when the loader has taken `hardTimeoutMs`, and by `close()`. */
    readonly signal: AbortSignal;
    /** The value whose time is over, when there still is one. To return it says that it has not changed. */
    readonly stale: T | undefined;
}
/**
 * Gets the value from where it belongs. `null` is a value; `undefined` is handed out, and cached only
 * with `negativeTtlMs`. What is cached, and handed out, is the value as the codec carries it, frozen.
 */
type Loader<T> = (context: LoaderContext<T>) => T | Promise<T>;
/** `undefined`: no such tags. */
type TagsOf<T> = readonly string[] | ((value: T) => readonly string[]);
/** How a value is kept. */
interface KeepOptions<T> {
    /** Default: that of the cache. */
    ttlMs?: number;
    /** Default: that of the cache. */
    negativeTtlMs?: number;
    /** What `invalidateTags` knows the value by, or how to tell from it; at most 64. Default: none. */
    tags?: TagsOf<T>;
}
interface ReadOptions {
    /** Id of a write, from this or another process: the answer knows of that write. */
    after?: LogId;
    /** Ends this caller's wait; the load goes on for the others and for the cache. */
    signal?: AbortSignal;
}
/** Of the callers that wait for the same load, those of the first one count. */
interface GetOptions<T> extends KeepOptions<T>, ReadOptions {
}
interface SetOptions {
    /** Default: that of the cache. */
    ttlMs?: number;
    /** What `invalidateTags` knows the value by; at most 64. Default: none. */
    tags?: readonly string[];
}
/**
 * Gets the values of all keys that no tier has, in one go: a map, or an array in the order of the
 * keys. A key that is not in the map, or `undefined` in the array, is like a loader's `undefined`.
 */
type BulkLoader<T> = (keys: readonly string[], context: {
    readonly signal: AbortSignal;
}) => BulkResult<string, T> | Promise<BulkResult<string, T>>;
type BulkResult<K, T> = ReadonlyMap<K, T> | readonly (T | undefined)[];
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
/** What came of a write-through: what the writer gave, and what became of the cached value. */
type WriteResult<T> = {
    readonly value: T;
} & InvalidateResult;

type TierName = 'near' | 'global' | 'master';

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
    /** A loader ended; `ms` by the clock. */
    loaded: {
        readonly key: string;
        readonly ms: number;
        readonly error?: unknown;
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
        readonly reason: 'changed' | 'too long' | 'not encodable';
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

/** What `healthCheck().check()` resolves with. */
interface CacheHealth {
    /** Milliseconds until the master and near answered; 0 for a cache without Redis. */
    readonly masterMs: number;
    readonly nearMs: number;
    /** Invalidations that wait for the master. */
    readonly undelivered: number;
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
     * @throws TypeError when an option has the wrong type or is unknown
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
     * Gives the values of many keys, in their order, duplicates included: one round trip to near, and
     * one call of `loadMany` for those that no tier has and nobody else loads. O(keys).
     *
     * @throws like `get`, when any of the keys would
     * @throws TypeError when `loadMany` gives neither a Map nor an array as long as the keys it was given
     */
    getMany<T>(keys: readonly string[], loadMany: BulkLoader<T>, options?: GetOptions<T>): Promise<(T | undefined)[]>;
    /** Loads what is missing of the keys, 500 at a time, before anybody asks for it. */
    warmUp<T>(keys: readonly string[], loadMany: BulkLoader<T>, options?: KeepOptions<T>): Promise<void>;
    /** A kind of value with its own keys, loader and times: the same calls by argument instead of key. */
    define<A, T>(options: DefinitionOptions<A, T>): Definition<A, T>;
    /**
     * Stores a value everywhere, now; the source must have it already. Gives the id of the write.
     *
     * @throws CacheValueError when the codec cannot carry it, or it is longer than `maxValueLength`
     * @throws MasterUnavailableError when the master did not confirm; then the key will be invalidated
     */
    set(key: string, value: unknown, options?: SetOptions): Promise<{
        id: LogId;
    }>;
    /**
     * Calls `write`, which changes the source, and stores what it gives. Who reads meanwhile waits for
     * it. When anything else changed the key during the write, or it fails, the key is invalidated.
     *
     * @throws whatever `write` throws
     * @throws CacheValueError when what it gives cannot be stored; it has been written all the same
     */
    writeThrough<T>(key: string, write: () => T | Promise<T>, options?: KeepOptions<T>): Promise<WriteResult<T>>;
    /**
     * Removes the value everywhere; nothing loaded before comes back. When the master does not
     * confirm, the result is `queued`: this process does not serve the value any more, and delivers
     * the invalidation when the master is back, if it lives so long.
     *
     * @throws MasterUnavailableError instead, when `required`
     */
    invalidate(key: string, options?: InvalidateOptions): Promise<InvalidateResult>;
    /**
     * Ends the time of the value everywhere; it may still stand in for a loader that fails or is slow.
     * What the master does not confirm becomes an invalidation.
     *
     * @throws MasterUnavailableError instead, when `required`
     */
    expire(key: string, options?: InvalidateOptions): Promise<InvalidateResult>;
    /**
     * Removes every value that carries one of the tags, whatever their number: O(tags), in each
     * partition. Otherwise like `invalidate`.
     *
     * @throws MasterUnavailableError instead, when `required`
     */
    invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<InvalidateResult>;
    /**
     * Removes every value of the namespace, whatever their number: O(1), in each partition. Otherwise
     * like `invalidate`.
     *
     * @throws MasterUnavailableError instead, when `required`
     */
    clear(options?: InvalidateOptions): Promise<InvalidateResult>;
    /** Calls `listener` at each event of that name; the function that comes back takes it off again. */
    on<Name extends keyof TieredCacheEvents>(name: Name, listener: (event: TieredCacheEvents[Name]) => void): () => void;
    get namespace(): string;
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

/** A kind of cached value: how its keys are made, and how it is loaded and kept. */
interface DefinitionOptions<A, T> {
    /** The key of an argument; different arguments must not have the same. */
    key(argument: A): string;
    load(argument: A, context: LoaderContext<T>): T | Promise<T>;
    /** Default: `load` for each. */
    loadMany?(missing: readonly A[], context: {
        readonly signal: AbortSignal;
    }): BulkResult<A, T> | Promise<BulkResult<A, T>>;
    /** Default: that of the cache. */
    ttlMs?: number;
    /** Default: that of the cache. */
    negativeTtlMs?: number;
    /** What `invalidateTags` knows the value by; at most 64. Default: none. */
    tags?: (value: T) => readonly string[];
}
/** The cache of one kind of value, by argument; made by `cache.define`. */
declare class Definition<A, T> {
    #private;
    constructor(cache: TieredCache, options: DefinitionOptions<A, T>);
    /** Like `cache.get`. */
    get(argument: A, options?: ReadOptions): Promise<T>;
    /** Like `cache.getMany`: values in the order of the arguments. */
    getMany(list: readonly A[], options?: ReadOptions): Promise<(T | undefined)[]>;
    /** Like `cache.warmUp`. */
    warmUp(list: readonly A[]): Promise<void>;
    /** Like `cache.set`. */
    set(argument: A, value: T): Promise<{
        id: LogId;
    }>;
    /** Like `cache.writeThrough`. */
    writeThrough(argument: A, write: () => T | Promise<T>): Promise<WriteResult<T>>;
    /** Like `cache.invalidate`. */
    invalidate(argument: A, options?: InvalidateOptions): Promise<InvalidateResult>;
    /** Like `cache.expire`. */
    expire(argument: A, options?: InvalidateOptions): Promise<InvalidateResult>;
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
    readonly operation: 'set' | 'invalidate' | 'expire' | 'invalidateTags' | 'clear';
    constructor(namespace: string, operation: 'set' | 'invalidate' | 'expire' | 'invalidateTags' | 'clear', cause: unknown);
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

export { type BulkLoader, type BulkResult, CacheClosedError, type CacheHealth, CacheUnhealthyError, CacheValueError, type Clock, type Codec, type Compression, Definition, type DefinitionOptions, type GetOptions, type Guard, type InvalidateOptions, type InvalidateResult, type KeepOptions, type Loader, type LoaderContext, LoaderTimeoutError, type LogConnection, type LogId, MasterUnavailableError, type ReadOptions, type RedisLike, type RedisTopology, type Residency, type SetOptions, type TagsOf, type TierName, TieredCache, TieredCacheError, type TieredCacheErrorCode, type TieredCacheEvents, type TieredCacheOptions, type TieredCacheStats, type WriteResult };

// prometheus.d.ts
/** What is called of a registry; prom-client 15's `Registry` has this shape. */
interface RegistryLike {
    registerMetric(metric: any): void;
    removeSingleMetric(name: string): void;
}
/** What is asked of a `TieredCache`. */
interface CacheLike {
    readonly namespace: string;
    stats(): CacheFigures;
}
/** Some of `TieredCacheStats`. */
interface CacheFigures {
    readonly hits: number;
    readonly joined: number;
    readonly near: number;
    readonly global: number;
    readonly master: number;
    readonly loads: number;
    readonly stale: number;
    readonly failed: number;
    readonly loaderCalls: number;
    readonly local: {
        readonly entries: number;
        readonly bytes: number;
    };
    readonly undelivered: number;
    readonly fenced: number;
    readonly confirmed: boolean;
}
/**
 * Registers metrics named `evenkeel_tiered_cache_...`, labelled by namespace, that read the caches'
 * statistics when they are scraped. Returns a function that takes them back.
 */
declare function registerMetrics(registry: RegistryLike, caches: readonly CacheLike[]): () => void;

export { type CacheFigures, type CacheLike, type RegistryLike, registerMetrics };
