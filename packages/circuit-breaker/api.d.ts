import { S as StepOptions, F as FallbackStep, C as CallContext, a as CircuitBreaker, b as Clock, c as CircuitBreakerOptions, d as CircuitBreakerSnapshot } from './circuit-breaker.js';
export { B as BreakerClosedError, e as BulkheadFullError, f as BulkheadOptions, g as CallEvent, h as CallTimeoutError, i as CircuitBreakerError, j as CircuitBreakerErrorCode, k as CircuitBreakerEvents, l as CircuitIsolatedError, m as CircuitOpenError, n as CircuitState, o as Classification, p as CountWindowOptions, E as ExecuteOptions, q as ExtraTotals, r as FailureEvent, s as Fallback, t as FallbackContext, u as FallbackEvent, v as FallbackFunction, w as FallbackKind, H as HalfOpenOptions, x as HealthCheck, y as HedgeOptions, I as Isolation, L as LaterQueueClosedError, z as LaterQueueFullError, N as NoStaleValueError, O as OpenOptions, A as Outcome, P as PartialRefusal, D as Permit, G as PermitSettledError, R as RecoveryOptions, J as RegistryClosedError, K as RejectEvent, M as RetryOptions, Q as SlowOptions, T as ThrottleOptions, U as TimeWindowOptions, V as Totals, W as TransitionEvent, X as TransitionReason, Y as WindowSnapshot, Z as WrapOptions, _ as systemClock, $ as value } from './circuit-breaker.js';

/** Work put aside: what the call was to be made with. */
interface LaterEntry<A extends readonly unknown[]> {
    /** Two entries of one key are one piece of work: use it as the idempotency key of the call. */
    readonly key: string;
    /** Entries of one lane run one after another, in the order in which they came; default: the key. */
    readonly lane: string;
    /** The `args` of the call. */
    readonly args: A;
}
/**
 * Where work is put aside. {@link LaterQueue} keeps it in memory; a durable queue fits by one line:
 * `{ add: ({ key, args: [mail] }) => jobs.enqueue(sendMail, mail, { idempotencyKey: key }) }`.
 */
interface LaterSink<A extends readonly unknown[]> {
    /** Takes the entry, or throws. An entry whose key it has already changes nothing. */
    add(entry: LaterEntry<A>): unknown;
}
/** What the caller gets in place of the answer. */
interface Accepted {
    readonly accepted: true;
    readonly key: string;
}
/** Options of {@link queueForLater}. */
interface QueueForLaterOptions<A extends readonly unknown[]> extends StepOptions {
    /** Names the work; computed from the `args` of the call. */
    readonly key: (...args: A) => string;
    /** Names what must keep its order, for example the recipient (default: the key, so nothing has to). */
    readonly lane?: ((...args: A) => string) | undefined;
}
/**
 * A fallback step that puts the call aside and answers `{ accepted: true, key }`. Give the call its `args`, or use `wrap`.
 *
 * A call that failed or timed out may have had its effect all the same: `on: ['open', 'bulkhead']` puts aside only what
 * was never tried, and an idempotent receiver makes the rest safe.
 *
 * ```typescript
 * const later = new LaterQueue({ breaker: mail, run: ({ signal }, message: Mail) => send(message, signal) });
 * const sendMail = mail.wrap(send, { fallback: queueForLater(later, { key: (message) => message.id }) });
 * ```
 *
 * @throws TypeError when an option has the wrong type
 */
declare function queueForLater<A extends readonly unknown[]>(sink: LaterSink<A>, options: QueueForLaterOptions<A>): FallbackStep<Accepted>;

/** Options of {@link LaterQueue}. */
interface LaterQueueOptions<A extends readonly unknown[]> {
    /** What the work goes through, also later. */
    readonly breaker: Pick<CircuitBreaker, 'name' | 'execute'>;
    /** Does the work. `key` is the entry's: hand it on as the idempotency key. */
    readonly run: (context: LaterContext, ...args: A) => unknown;
    /** Entries worked on at a time (default 4). */
    readonly concurrency?: number | undefined;
    /** Entries kept; one more is refused (default 10,000). */
    readonly maxEntries?: number | undefined;
    /** A lane whose entry failed waits so many ms, doubled with each failure in a row (default 1,000). */
    readonly retryMs?: number | undefined;
    /** Longest such wait (default 60,000). */
    readonly maxRetryMs?: number | undefined;
    /** Monotonic time and timers (default: the process's). */
    readonly clock?: Clock | undefined;
}
/** What `run` is given besides the arguments. */
interface LaterContext extends CallContext {
    readonly key: string;
}
/**
 * A queue for later in the memory of this process: entries go out again, oldest first and lane by lane, through the same
 * breaker, as soon as that lets them. An entry that fails stays at the head of its lane; while the circuit is open none is
 * tried. Nobody else needs to call the dependency for that: when the circuit is due for a probe, an entry is one.
 *
 * Not durable: what is queued when the process ends is lost. Each entry ends well exactly once as seen from here; a call
 * that timed out may have had its effect already, and is made again with the same `key`.
 */
declare class LaterQueue<A extends readonly unknown[]> implements LaterSink<A>, AsyncDisposable {
    #private;
    /**
     * @throws TypeError when an option has the wrong type or is unknown
     * @throws RangeError when an option is out of range
     */
    constructor(options: LaterQueueOptions<A>);
    /** Entries that have not ended well yet. */
    get size(): number;
    /**
     * Takes an entry; one whose key is here already changes nothing. O(1).
     *
     * @throws LaterQueueFullError, LaterQueueClosedError when it was not taken
     */
    add(entry: LaterEntry<A>): void;
    /**
     * Resolves when nothing is queued.
     *
     * @param options.signal ends the waiting; rejects with its reason
     */
    drained(options?: {
        readonly signal?: AbortSignal | undefined;
    }): Promise<void>;
    /** Takes and starts nothing from now on, and returns the entries that have not ended well, oldest first in each lane. */
    close(): LaterEntry<A>[];
    [Symbol.asyncDispose](): Promise<void>;
}

/** Options of a breaker of a registry: all but the name, which is made of the registry's and the key. */
type KeyedBreakerOptions = Omit<CircuitBreakerOptions, 'name'>;
/** Options of {@link CircuitBreakerRegistry}. */
interface CircuitBreakerRegistryOptions {
    /** Begins the names of the breakers: `hosts/api.example.com`. */
    readonly name: string;
    /** Options of every breaker. */
    readonly defaults?: KeyedBreakerOptions | undefined;
    /** Options of single ones, on top of the defaults. */
    readonly overrides?: ((key: string) => KeyedBreakerOptions | undefined) | undefined;
    /** Breakers kept; beyond it the one unused longest goes, if its circuit is closed and nothing is in flight (default 1,000). */
    readonly maxBreakers?: number | undefined;
    /** A breaker unused for so many ms may go as well (default 600,000). */
    readonly idleMs?: number | undefined;
    /** Handed to the breakers, and tells what is idle (default: the process's). */
    readonly clock?: Clock | undefined;
}
/**
 * One breaker for each key: a host, a tenant, a shop.
 *
 * A breaker that is not closed, or has calls in flight, is never dropped, or the outage would be forgotten in the middle:
 * so many may be kept beyond `maxBreakers`. There is no timer; what is idle goes when a new key comes.
 */
declare class CircuitBreakerRegistry implements AsyncDisposable {
    #private;
    readonly name: string;
    /**
     * @throws TypeError when an option has the wrong type or is unknown
     * @throws RangeError when an option is out of range
     */
    constructor(options: CircuitBreakerRegistryOptions);
    /** Breakers kept now. */
    get size(): number;
    /**
     * The breaker of the key, made at its first use. O(1).
     *
     * @throws TypeError when the key is not a non-empty string, or an option from `overrides` has the wrong type
     * @throws RangeError when an option from `overrides` is out of range
     * @throws RegistryClosedError after `close()`
     */
    get(key: string): CircuitBreaker;
    /** The breaker of the key if there is one; unlike `get` this is not a use. */
    peek(key: string): CircuitBreaker | undefined;
    /** Every breaker kept, least recently used first. */
    [Symbol.iterator](): IterableIterator<CircuitBreaker>;
    /** Every breaker as plain data. */
    snapshot(): CircuitBreakerSnapshot[];
    /**
     * Gives out no breaker from now on, and resolves when the calls in flight have ended or timed out.
     *
     * @param options.signal ends the waiting; rejects with its reason
     */
    close(options?: {
        readonly signal?: AbortSignal | undefined;
    }): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

/** Options of {@link staleCache}. */
interface StaleCacheOptions extends StepOptions {
    /** A value older than so many ms is no answer. */
    readonly maxStaleMs: number;
    /** Keys remembered; the least recently written goes first (default 1,000). */
    readonly maxEntries?: number | undefined;
}
/**
 * A fallback step that answers with the last good value of the same `key`. Make it once and use it for every call.
 *
 * @throws TypeError, RangeError when an option is wrong
 */
declare function staleCache<T = never>(options: StaleCacheOptions): FallbackStep<T>;

/**
 * A clock that stands still until a test moves it, so that a ten-minute outage takes microseconds.
 *
 * ```typescript
 * const clock = new TestClock();
 * const breaker = new CircuitBreaker({ name: 'psp', clock });
 * clock.advance(5_000); // timers due in these five seconds run, in order
 * ```
 */
declare class TestClock implements Clock {
    #private;
    /**
     * @param startMs the first reading, in ms (default 0)
     * @throws RangeError when `startMs` is negative or not finite
     */
    constructor(startMs?: number);
    /** Timers that wait to run. */
    get pendingTimers(): number;
    now(): number;
    setTimeout(callback: () => void, delayMs: number): unknown;
    clearTimeout(handle: unknown): void;
    /**
     * Moves the time and runs every timer that falls due on the way, synchronously and in order; O(timers) for each.
     *
     * @throws RangeError when `ms` is negative or not finite
     */
    advance(ms: number): void;
    /**
     * As {@link advance}, but lets pending promises settle before, between and after the timers.
     *
     * @throws RangeError when `ms` is negative or not finite
     */
    advanceAsync(ms: number): Promise<void>;
}

export { type Accepted, CallContext, CircuitBreaker, CircuitBreakerOptions, CircuitBreakerRegistry, type CircuitBreakerRegistryOptions, CircuitBreakerSnapshot, Clock, FallbackStep, type KeyedBreakerOptions, type LaterContext, type LaterEntry, LaterQueue, type LaterQueueOptions, type LaterSink, type QueueForLaterOptions, type StaleCacheOptions, StepOptions, TestClock, queueForLater, staleCache };
