/** What an action is given. */
interface CallContext {
    /** Aborts when the call times out or its caller gives up, never because it succeeded; costs nothing until it is read. */
    readonly signal: AbortSignal;
}

/** Why there is no answer: the circuit let no call through, the call took too long, or it failed. */
type FallbackKind = 'open' | 'timeout' | 'failure';
/** What a fallback step knows besides the error and the arguments. */
interface FallbackContext {
    /** Name of the breaker. */
    readonly name: string;
    readonly kind: FallbackKind;
    /** The `key` of the call. */
    readonly key: string | undefined;
    /** The caller's signal. */
    readonly signal: AbortSignal | undefined;
    /** The breaker's clock, in ms. */
    readonly now: number;
}
/** Answers in place of the call; throwing passes on to the next step. */
type FallbackFunction<T> = (error: unknown, args: readonly unknown[], context: FallbackContext) => T | PromiseLike<T>;
/** A fallback function with a name, a choice of errors, and perhaps a memory of good answers. */
interface FallbackStep<T> {
    /** Says in the outcome and in the event who answered. */
    readonly source: string;
    /** The kinds it answers (default: all). */
    readonly on?: readonly FallbackKind[] | undefined;
    /** Set when it cannot work without the `key` of the call. */
    readonly needsKey?: boolean | undefined;
    readonly answer: FallbackFunction<T>;
    /** Told every good answer of the call itself. */
    readonly remember?: ((value: unknown, key: string | undefined, now: number) => void) | undefined;
}
/** One step or several, asked in order until one answers. */
type Fallback<T> = FallbackFunction<T> | FallbackStep<T> | readonly (FallbackFunction<T> | FallbackStep<T>)[];
/** Options of a built-in step. */
interface StepOptions {
    /** The kinds it answers (default: all). */
    readonly on?: readonly FallbackKind[] | undefined;
}
/**
 * A step that always answers with the same value.
 *
 * @throws TypeError when `on` is not an array of kinds
 */
declare function value<T>(fixed: T, options?: StepOptions): FallbackStep<T>;

/** Options of one call. */
interface ExecuteOptions<F = never> {
    /** The caller's: when it aborts the call is given up at once, and counts as nothing. */
    readonly signal?: AbortSignal | undefined;
    /** Who answers when the circuit is open, the call times out or fails. */
    readonly fallback?: Fallback<F> | undefined;
    /** Names what is asked for, for steps that remember answers. */
    readonly key?: string | undefined;
    /** Handed on to the fallback steps (default none). */
    readonly args?: readonly unknown[] | undefined;
}
/** Options of {@link CircuitBreaker.wrap}. */
interface WrapOptions<A extends unknown[], F = never> {
    readonly fallback?: Fallback<F> | undefined;
    /** Computes the key of a call from its arguments. */
    readonly key?: ((...args: A) => string) | undefined;
}
/** An answer and who gave it. */
interface Outcome<T> {
    readonly value: T;
    /** `call`, or the `source` of the fallback step. */
    readonly source: string;
    /** What the fallback stood in for. */
    readonly error?: unknown;
}

/** Codes of the errors of this package. */
type CircuitBreakerErrorCode = 'ERR_CIRCUIT_OPEN' | 'ERR_CIRCUIT_ISOLATED' | 'ERR_CALL_TIMEOUT' | 'ERR_BREAKER_CLOSED' | 'ERR_PERMIT_SETTLED' | 'ERR_NO_STALE_VALUE';
/**
 * Common ancestor of the errors of this package; `instanceof` recognises those of another copy of the package too.
 *
 * They carry no stack trace unless the breaker was made with `captureStack: true`.
 */
declare abstract class CircuitBreakerError extends Error {
    abstract readonly code: CircuitBreakerErrorCode;
    /** Name of the breaker. */
    readonly breaker: string;
    /** Errors of the fallback steps, in order, when every one of them failed as well. */
    fallbackErrors?: unknown[];
    constructor(breaker: string, message: string, options?: ErrorOptions);
}
/** The circuit is open, or half-open with all probes under way: the call was not made. */
declare class CircuitOpenError extends CircuitBreakerError {
    readonly code = "ERR_CIRCUIT_OPEN";
    readonly state: CircuitState;
    /** After so many ms another attempt may be let through. */
    readonly retryAfterMs: number;
    constructor(breaker: string, state: CircuitState, retryAfterMs: number, cause: unknown);
}
/** The circuit is held open by hand: the call was not made. */
declare class CircuitIsolatedError extends CircuitBreakerError {
    readonly code = "ERR_CIRCUIT_ISOLATED";
    readonly state = "isolated";
    /** What was given to `isolate()`. */
    readonly reason: string;
    constructor(breaker: string, reason: string, cause: unknown);
}
/** The call took longer than `timeoutMs`; it may still be running. */
declare class CallTimeoutError extends CircuitBreakerError {
    readonly code = "ERR_CALL_TIMEOUT";
    readonly timeoutMs: number;
    constructor(breaker: string, timeoutMs: number);
}
/** The breaker was shut down by `close()`: the call was not made. */
declare class BreakerClosedError extends CircuitBreakerError {
    readonly code = "ERR_BREAKER_CLOSED";
    constructor(breaker: string);
}
/** A permit was settled a second time. */
declare class PermitSettledError extends CircuitBreakerError {
    readonly code = "ERR_PERMIT_SETTLED";
    constructor(breaker: string);
}
/** The stale cache had nothing young enough to answer with. */
declare class NoStaleValueError extends CircuitBreakerError {
    readonly code = "ERR_NO_STALE_VALUE";
    readonly key: string;
    constructor(breaker: string, key: string);
}

/** A change of state. */
interface TransitionEvent {
    readonly name: string;
    readonly from: CircuitState;
    readonly to: CircuitState;
    readonly reason: TransitionReason;
}
/** The end of a call, or its turning slow while in flight. */
interface CallEvent {
    readonly name: string;
    /** Since the call began, in ms. */
    readonly elapsedMs: number;
}
/** A call that failed; `error` is what it threw, a `CallTimeoutError`, or undefined when its *result* was classified as a failure. */
interface FailureEvent extends CallEvent {
    readonly error: unknown;
}
/** A call that was not made. */
interface RejectEvent {
    readonly name: string;
    readonly error: CircuitOpenError | CircuitIsolatedError | BreakerClosedError;
}
/** A fallback step that answered in place of the call. */
interface FallbackEvent {
    readonly name: string;
    /** Which step it was. */
    readonly source: string;
    /** What it stood in for. */
    readonly error: unknown;
}
/** Events of a breaker and what their listeners are given. */
interface CircuitBreakerEvents {
    open: (event: TransitionEvent) => void;
    'half-open': (event: TransitionEvent) => void;
    closed: (event: TransitionEvent) => void;
    isolated: (event: TransitionEvent) => void;
    success: (event: CallEvent) => void;
    failure: (event: FailureEvent) => void;
    slow: (event: CallEvent) => void;
    reject: (event: RejectEvent) => void;
    fallback: (event: FallbackEvent) => void;
}

/**
 * The time source of a breaker: a monotonic reading and one-shot timers.
 *
 * @see {@link TestClock} for the one that tests move by hand.
 */
interface Clock {
    /** Milliseconds since some fixed moment; never runs backwards. */
    now(): number;
    /** Runs `callback` once after `delayMs` and returns a handle; must not keep the process alive. */
    setTimeout(callback: () => void, delayMs: number): unknown;
    /** Forgets a timer; one that has already run is fine. */
    clearTimeout(handle: unknown): void;
}
/** The process's monotonic clock and unref-ed timers. */
declare const systemClock: Clock;

/** What a call says about the health of the dependency; `ignore` says nothing. */
type Classification = 'success' | 'failure' | 'ignore';
/** The calls of the last stretch of time. */
interface TimeWindowOptions {
    readonly type?: 'time' | undefined;
    /** Length of the window in ms (default 10,000). */
    readonly durationMs?: number | undefined;
    /** Steps in which old calls leave it (default 10). */
    readonly buckets?: number | undefined;
}
/** The last so many calls, however old. */
interface CountWindowOptions {
    readonly type: 'count';
    /** How many calls (default 100). */
    readonly size?: number | undefined;
}
/** When a call is slow. */
interface SlowOptions {
    /** A call still in flight after so many ms counts as slow there and then (default 5,000). */
    readonly afterMs?: number | undefined;
    /** Share of slow calls that opens the circuit, in (0, 1] (default 0.5); `false`: slow calls count for `badRate` and `consecutive` only. */
    readonly rate?: number | false | undefined;
}
/** How long the circuit stays open: `forMs * factor^n`, at most `maxMs`, plus or minus `jitter`. */
interface OpenOptions {
    /** The first time, in ms (default 5,000). */
    readonly forMs?: number | undefined;
    /** Growth with each opening that no healthy window came between (default 2; 1 = constant). */
    readonly factor?: number | undefined;
    /** Upper limit in ms, before jitter (default 60,000). */
    readonly maxMs?: number | undefined;
    /** Random share by which it is shortened or lengthened, in [0, 1) (default 0.2). */
    readonly jitter?: number | undefined;
}
/** How the circuit looks whether the dependency is well again. */
interface HalfOpenOptions {
    /** Good calls it takes to close; the first goes alone, the others follow when it was good (default 3). */
    readonly probes?: number | undefined;
    /** A probe not back after so many ms is written off and another may go (default 30,000). */
    readonly maxWaitMs?: number | undefined;
}
/** Options of {@link CircuitBreaker}; read once, never written to. */
interface CircuitBreakerOptions {
    /** The dependency's name, for errors, events and metrics. */
    readonly name: string;
    /** Which calls the rates are computed over (default: time, 10 s in 10 buckets). */
    readonly window?: TimeWindowOptions | CountWindowOptions | undefined;
    /** Calls that must be in the window before a rate means anything (default 20, or the size of a smaller count window). */
    readonly minimumCalls?: number | undefined;
    /** Share of failed calls that opens the circuit, in (0, 1] (default 0.5); `false` = off. */
    readonly failureRate?: number | false | undefined;
    /** When a call is slow and what share of slow calls opens the circuit; `false` = speed does not matter. */
    readonly slow?: SlowOptions | false | undefined;
    /** Share of calls that failed *or* were slow that opens the circuit, in (0, 1] (default 0.5); `false` = off. */
    readonly badRate?: number | false | undefined;
    /** So many bad calls in a row open the circuit, however long that takes (default 10); `false` = off. */
    readonly consecutive?: number | false | undefined;
    /** A call in flight for so many ms is given up and counts as failed (default 10,000); `false` = never. */
    readonly timeoutMs?: number | false | undefined;
    /** How long the circuit stays open. */
    readonly open?: OpenOptions | undefined;
    /** How it closes again. */
    readonly halfOpen?: HalfOpenOptions | undefined;
    /**
     * Judges what a call threw (`threw` true) or returned; `undefined` leaves it at the default: thrown = failure, returned = success.
     * When it throws itself, the default holds.
     */
    readonly classify?: ((errorOrResult: unknown, threw: boolean) => Classification | undefined) | undefined;
    /** Monotonic time and timers (default: the process's). */
    readonly clock?: Clock | undefined;
    /** Numbers in [0, 1) for the jitter (default `Math.random`). */
    readonly random?: (() => number) | undefined;
    /** Gives the breaker's own errors a stack trace, at two to three times their cost (default false). */
    readonly captureStack?: boolean | undefined;
}

/** Where a circuit stands: `isolated` is open by hand, the others follow from the calls. */
type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated';
/** Why a circuit changed its state. */
type TransitionReason = 'consecutive' | 'failure-rate' | 'slow-rate' | 'bad-rate' | 'probe-bad' | 'probes-good' | 'open-time-over' | 'isolated' | 'released';

/** How the calls in the window went. */
interface WindowSnapshot {
    readonly calls: number;
    readonly failed: number;
    readonly slow: number;
    /** Failed or slow. */
    readonly bad: number;
    /** Shares in 0..1; 0 without calls. */
    readonly failureRate: number;
    readonly slowRate: number;
    readonly badRate: number;
}
/** Calls since the breaker was made. */
interface Totals {
    /** Ended well. */
    succeeded: number;
    /** Failed, timeouts included. */
    failed: number;
    timedOut: number;
    /** Became slow, however they ended. */
    slow: number;
    /** Given up by the caller, or classified as saying nothing. */
    ignored: number;
    /** Not made. */
    rejected: number;
    /** Answered by a fallback step. */
    fallbacks: number;
}
/** A breaker as plain data. */
interface CircuitBreakerSnapshot {
    readonly name: string;
    readonly state: CircuitState;
    /** How long the circuit has been closed, open or half-open, in ms. */
    readonly inStateMs: number;
    /** Reasons of the isolations in force. */
    readonly isolatedFor: readonly string[];
    /** 0 when calls are let through; null while isolated. */
    readonly retryAfterMs: number | null;
    /** Openings in a row, less one for each healthy window since. */
    readonly attempt: number;
    readonly consecutiveBad: number;
    readonly inFlight: number;
    readonly window: WindowSnapshot;
    readonly totals: Readonly<Totals>;
}

/** A check in the shape that health checkers take. */
interface HealthCheck {
    readonly name: string;
    /** Resolves with the snapshot while calls are let through, rejects with the error they would get otherwise. */
    check(signal?: AbortSignal): Promise<CircuitBreakerSnapshot>;
}

/** Holds a circuit open until it is released. */
interface Isolation extends Disposable {
    readonly reason: string;
    /** Ends this isolation; a second time does nothing. */
    release(): void;
}

/**
 * The right to make one call whose work is not a single promise: a stream, a message being consumed.
 *
 * It ages like any call: it counts as slow after `slow.afterMs` and as failed after `timeoutMs`, so a permit that is
 * never settled cannot hold the circuit half-open. `using` gives back one that was not settled.
 */
declare class Permit {
    #private;
    /** @internal */
    constructor(name: string, settle: (how: 'success' | 'failure' | 'ignore', error?: unknown) => void);
    /** @throws PermitSettledError when it was settled before */
    success(): void;
    /** @throws PermitSettledError when it was settled before */
    failure(error?: unknown): void;
    /**
     * Gives the permit back without a verdict.
     *
     * @throws PermitSettledError when it was settled before
     */
    ignore(): void;
    [Symbol.dispose](): void;
}

/**
 * Stands between a service and one dependency, and stops calling it while it is sick: failing, or slow.
 *
 * A call is judged while it is in flight: after `slow.afterMs` it counts as slow, without waiting for the end that may
 * come half a minute later. Make one breaker for each dependency, not for each function.
 *
 * ```typescript
 * const payments = new CircuitBreaker({ name: 'payments' });
 * const receipt = await payments.execute(({ signal }) => fetch(url, { signal }));
 * ```
 */
declare class CircuitBreaker implements AsyncDisposable {
    #private;
    readonly name: string;
    /**
     * @throws TypeError when an option has the wrong type or is unknown
     * @throws RangeError when an option is out of range
     */
    constructor(options: CircuitBreakerOptions);
    /**
     * Makes a call, unless the circuit is open. The action may return a value, a promise or a thenable, or throw.
     *
     * Never throws synchronously. Rejects with whatever the action threw, or with
     * - `CircuitOpenError`, `CircuitIsolatedError`, `BreakerClosedError`: the call was not made;
     * - `CallTimeoutError`: it took longer than `timeoutMs`;
     * - the reason of `signal` when that aborts;
     * - `TypeError` when an argument is wrong.
     */
    execute<T, F = never>(action: (context: CallContext) => T | PromiseLike<T>, options?: ExecuteOptions<F>): Promise<T | F>;
    /** As {@link execute}, and says who answered: the call or a fallback step. */
    outcome<T, F = never>(action: (context: CallContext) => T | PromiseLike<T>, options?: ExecuteOptions<F>): Promise<Outcome<T | F>>;
    /**
     * The same function behind this breaker: same arguments, same `this`.
     *
     * @throws TypeError when `fn` is not a function
     */
    wrap<This, A extends unknown[], T, F = never>(fn: (this: This, ...args: A) => T | PromiseLike<T>, options?: WrapOptions<A, F>): (this: This, ...args: A) => Promise<T | F>;
    /**
     * Two-step use, for work that is not one promise: asks for leave first, settles it later.
     *
     * @throws CircuitOpenError, CircuitIsolatedError, BreakerClosedError when the call may not be made
     */
    acquire(): Permit;
    /**
     * Holds the circuit open by hand until every handle is released; the circuit then goes on where it stood.
     *
     * @throws TypeError when `reason` is not a string
     */
    isolate(reason: string): Isolation;
    /** Where the circuit stands now. */
    get state(): CircuitState;
    /** State, rates and totals as plain data, brought up to the present. */
    snapshot(): CircuitBreakerSnapshot;
    toJSON(): CircuitBreakerSnapshot;
    /** A check that fails while calls would be refused. */
    healthCheck(): HealthCheck;
    /** Calls the listener on each such event; what it throws changes nothing. */
    on<E extends keyof CircuitBreakerEvents>(event: E, listener: CircuitBreakerEvents[E]): this;
    /** Calls the listener on the next such event only. */
    once<E extends keyof CircuitBreakerEvents>(event: E, listener: CircuitBreakerEvents[E]): this;
    off<E extends keyof CircuitBreakerEvents>(event: E, listener: CircuitBreakerEvents[E]): this;
    /** Removes the listeners of one event or of all; the breaker itself has none there. */
    removeAllListeners(event?: keyof CircuitBreakerEvents): this;
    /**
     * Refuses new calls from now on, and resolves when those in flight have ended or timed out.
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

export { BreakerClosedError, type CallContext, type CallEvent, CallTimeoutError, CircuitBreaker, CircuitBreakerError, type CircuitBreakerErrorCode, type CircuitBreakerEvents, type CircuitBreakerOptions, type CircuitBreakerSnapshot, CircuitIsolatedError, CircuitOpenError, type CircuitState, type Classification, type Clock, type CountWindowOptions, type ExecuteOptions, type FailureEvent, type Fallback, type FallbackContext, type FallbackEvent, type FallbackFunction, type FallbackKind, type FallbackStep, type HalfOpenOptions, type HealthCheck, type Isolation, NoStaleValueError, type OpenOptions, type Outcome, Permit, PermitSettledError, type RejectEvent, type SlowOptions, type StaleCacheOptions, type StepOptions, TestClock, type TimeWindowOptions, type Totals, type TransitionEvent, type TransitionReason, type WindowSnapshot, type WrapOptions, staleCache, systemClock, value };
