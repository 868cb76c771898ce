// circuit-breaker.d.ts
/** What an action is given. */
interface CallContext {
    /** Aborts when the call times out or its caller gives up, never because it succeeded; costs nothing until it is read. */
    readonly signal: AbortSignal;
}

/** Codes of the errors of this package. */
type CircuitBreakerErrorCode = 'ERR_CIRCUIT_OPEN' | 'ERR_CIRCUIT_ISOLATED' | 'ERR_CALL_TIMEOUT' | 'ERR_BULKHEAD_FULL' | 'ERR_BREAKER_CLOSED' | 'ERR_PERMIT_SETTLED' | 'ERR_NO_STALE_VALUE' | 'ERR_LATER_QUEUE_FULL' | 'ERR_LATER_QUEUE_CLOSED' | 'ERR_REGISTRY_CLOSED';
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
/**
 * The circuit is open, or half-open with all probes under way, or closed and letting in only a share of the calls: the call
 * was not made.
 */
declare class CircuitOpenError extends CircuitBreakerError {
    readonly code = "ERR_CIRCUIT_OPEN";
    readonly state: CircuitState;
    /** After so many ms another attempt may be let through. */
    readonly retryAfterMs: number;
    /** Why a *closed* circuit refused: it lets in more and more calls after an outage, or the dependency is overloaded. */
    readonly reason: PartialRefusal | undefined;
    constructor(breaker: string, state: CircuitState, retryAfterMs: number, cause: unknown, reason?: PartialRefusal);
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
/** Every slot and every place in the queue was taken, or none became free in time: the call was not made. */
declare class BulkheadFullError extends CircuitBreakerError {
    readonly code = "ERR_BULKHEAD_FULL";
    /** Calls that run at once. */
    readonly concurrency: number;
    constructor(breaker: string, concurrency: number);
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
/** The queue for later holds as many entries as it may: nothing was accepted. */
declare class LaterQueueFullError extends CircuitBreakerError {
    readonly code = "ERR_LATER_QUEUE_FULL";
    readonly maxEntries: number;
    constructor(breaker: string, maxEntries: number);
}
/** The queue for later was closed: nothing was accepted. */
declare class LaterQueueClosedError extends CircuitBreakerError {
    readonly code = "ERR_LATER_QUEUE_CLOSED";
    constructor(breaker: string);
}
/** The registry was closed: it gives out no breaker any more. */
declare class RegistryClosedError extends CircuitBreakerError {
    readonly code = "ERR_REGISTRY_CLOSED";
    constructor(registry: string);
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
    readonly error: CircuitOpenError | CircuitIsolatedError | BreakerClosedError | BulkheadFullError;
    /** False when `enforce` let the call through all the same. */
    readonly enforced: boolean;
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
    disabled: (event: TransitionEvent) => void;
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
/** Calls that went another way than straight through; all 0 where the option is not in use. */
interface ExtraTotals {
    /** Made again after a failure. */
    readonly retried: number;
    /** Made a second time because the first was slow. */
    readonly hedged: number;
    /** Refused for want of a slot; among `rejected` as well. */
    readonly bulkheadRejected: number;
    /** Refused, and made all the same because of `enforce`. */
    readonly waved: number;
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
    /** Calls that hold a slot of the bulkhead, and calls that wait for one. */
    readonly bulkhead: {
        readonly running: number;
        readonly queued: number;
    };
    readonly totals: Readonly<Totals> & ExtraTotals;
}

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
/** How many calls run at once. */
interface BulkheadOptions {
    /** Calls that run at once; a slot is held until the work has really ended, also after a timeout. */
    readonly concurrency: number;
    /** Calls that may wait for a slot (default 0: a queue before a slow service is the incident again). */
    readonly queue?: number | undefined;
    /** Longest wait in ms (default 1,000). */
    readonly maxWaitMs?: number | undefined;
}
/** When a failed or timed-out call is made again. */
interface RetryOptions {
    /** Attempts in all, the first included (default 3). */
    readonly attempts?: number | undefined;
    /** Longest pause before the second attempt in ms, doubled for each further one; the pause is random below it (default 100). */
    readonly baseMs?: number | undefined;
    /** Limit of the doubling in ms (default 5,000). */
    readonly maxMs?: number | undefined;
    /** Repeats are at most this share of all calls, and calls in a retry of those in their first attempt, in (0, 1] (default 0.2). */
    readonly budget?: number | undefined;
    /** So many may be in a retry whatever the share, and so many repeats come before the calls that earn them (default 3). */
    readonly budgetMinimum?: number | undefined;
}
/** When a call is made a second time beside a slow first one. */
interface HedgeOptions {
    /** The second one goes when the first has not answered after so many ms: about the p95 of the dependency. */
    readonly afterMs: number;
    /** Share of the calls made twice at most, in (0, 1] (default 0.1). */
    readonly budget?: number | undefined;
}
/** How calls come back after an outage. */
interface RecoveryOptions {
    /** After so many ms all are let in again; the share grows in a straight line. */
    readonly rampMs: number;
    /** Share let in at once, in (0, 1) (default 0.1). */
    readonly from?: number | undefined;
}
/** Refuses a share of the calls while the dependency accepts only some. */
interface ThrottleOptions {
    /** Calls sent for each accepted one before any is refused, at least 1 (default 2). */
    readonly k?: number | undefined;
    /** Largest share refused, in (0, 1) (default 0.9): the rest finds out when it is over. */
    readonly cap?: number | undefined;
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
    /** How calls come back after an outage (default: all at once). */
    readonly recovery?: RecoveryOptions | undefined;
    /** How many calls run at once (default: any number). */
    readonly bulkhead?: BulkheadOptions | undefined;
    /** When failed calls are made again (default: never). Of calls that must not be, say so: `repeatable: false`. */
    readonly retry?: RetryOptions | undefined;
    /** When slow calls are made twice (default: never). Of calls that must not be, say so: `repeatable: false`. */
    readonly hedge?: HedgeOptions | undefined;
    /** Adaptive throttling by the share of calls accepted (default off); meant for breakers with `failureRate` and `badRate` off. */
    readonly throttle?: ThrottleOptions | undefined;
    /** Share of the refusals carried out, in [0, 1] (default 1); at 0 the breaker only tells what it would do. */
    readonly enforce?: number | undefined;
    /** Starts disabled: calls pass, are timed out and counted, and change nothing (default false). */
    readonly disabled?: boolean | undefined;
    /** What `toJSON()` of a breaker gave before a restart: goes on open, with the attempt number kept. */
    readonly initialState?: CircuitBreakerSnapshot | undefined;
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

/** Where a circuit stands: `isolated` and `disabled` are by hand, the others follow from the calls. */
type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated' | 'disabled';
/** Why a circuit changed its state. */
type TransitionReason = 'consecutive' | 'failure-rate' | 'slow-rate' | 'bad-rate' | 'tripped' | 'probe-bad' | 'probes-good' | 'open-time-over' | 'isolated' | 'released' | 'disabled' | 'enabled';

/** Why a closed circuit refuses a call. */
type PartialRefusal = 'recovering' | 'throttled';

/** Why there is no answer: the circuit or the bulkhead let no call through, the call took too long, or it failed. */
type FallbackKind = 'open' | 'bulkhead' | 'timeout' | 'failure';
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
 * @throws TypeError when `on` is not an array of kinds, or an option is unknown
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
    /** Whether the call may be made more than once, by `retry` or `hedge` of the breaker (default true). */
    readonly repeatable?: boolean | undefined;
    /** Handed on to the fallback steps (default none). */
    readonly args?: readonly unknown[] | undefined;
}
/** Options of {@link CircuitBreaker.wrap}. */
interface WrapOptions<A extends unknown[], F = never> {
    /** As of a single call. */
    readonly repeatable?: boolean | undefined;
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
    /**
     * @throws TypeError when an option has the wrong type or is unknown
     * @throws RangeError when an option is out of range
     */
    constructor(options: CircuitBreakerOptions);
    get name(): string;
    /**
     * Makes a call, unless the circuit is open. The action may return a value, a promise or a thenable, or throw.
     *
     * Never throws synchronously. Rejects with whatever the action threw, or with
     * - `CircuitOpenError`, `CircuitIsolatedError`, `BulkheadFullError`, `BreakerClosedError`: the call was not made;
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
     * @throws CircuitOpenError, CircuitIsolatedError, BulkheadFullError, BreakerClosedError when the call may not be made
     */
    acquire(): Permit;
    /**
     * Holds the circuit open by hand until every handle is released; the circuit then goes on where it stood.
     *
     * @throws TypeError when `reason` is not a string
     */
    isolate(reason: string): Isolation;
    /** Lets every call pass until {@link enable}: they are timed out and counted, but neither refused nor judged. */
    disable(): void;
    /** Ends {@link disable}; the circuit goes on where it stood. */
    enable(): void;
    /**
     * Opens a closed circuit on evidence from elsewhere: the verdict of other processes, an alarm. It closes again by its own
     * probes; to keep it open use {@link isolate}.
     */
    trip(): void;
    /**
     * Lets someone else have a say in when the circuit is probed: while `gate` answers false a half-open circuit refuses,
     * as if the probes were under way. It is asked synchronously, must not throw, and `undefined` takes it away.
     *
     * @throws TypeError when `gate` is neither a function nor undefined
     */
    gateProbes(gate: (() => boolean) | undefined): void;
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

export { value as $, type Outcome as A, BreakerClosedError as B, type CallContext as C, Permit as D, type ExecuteOptions as E, type FallbackStep as F, PermitSettledError as G, type HalfOpenOptions as H, type Isolation as I, RegistryClosedError as J, type RejectEvent as K, LaterQueueClosedError as L, type RetryOptions as M, NoStaleValueError as N, type OpenOptions as O, type PartialRefusal as P, type SlowOptions as Q, type RecoveryOptions as R, type StepOptions as S, type ThrottleOptions as T, type TimeWindowOptions as U, type Totals as V, type TransitionEvent as W, type TransitionReason as X, type WindowSnapshot as Y, type WrapOptions as Z, systemClock as _, CircuitBreaker as a, type Clock as b, type CircuitBreakerOptions as c, type CircuitBreakerSnapshot as d, BulkheadFullError as e, type BulkheadOptions as f, type CallEvent as g, CallTimeoutError as h, CircuitBreakerError as i, type CircuitBreakerErrorCode as j, type CircuitBreakerEvents as k, CircuitIsolatedError as l, CircuitOpenError as m, type CircuitState as n, type Classification as o, type CountWindowOptions as p, type ExtraTotals as q, type FailureEvent as r, type Fallback as s, type FallbackContext as t, type FallbackEvent as u, type FallbackFunction as v, type FallbackKind as w, type HealthCheck as x, type HedgeOptions as y, LaterQueueFullError as z };

// index.d.ts
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
 * @throws TypeError when an option has the wrong type or is unknown
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
/** An entry that failed, and that its lane waits for. */
interface FailingEntry {
    readonly key: string;
    readonly lane: string;
    /** Milliseconds since it was put aside. */
    readonly ageMs: number;
    /** Failures in a row. */
    readonly failures: number;
    /** What the last one threw. */
    readonly error: unknown;
    /** Entries of the lane that wait behind it. */
    readonly behind: number;
}
/** Figures of a {@link LaterQueue} at a moment. */
interface LaterQueueSnapshot {
    /** Entries that have not ended well yet, those under way included. */
    readonly size: number;
    readonly underWay: number;
    /** Milliseconds since the oldest entry was put aside; 0 without one. */
    readonly oldestMs: number;
    /** The entries that failed, oldest first. While the circuit is open none is tried, so none fails. */
    readonly failing: readonly FailingEntry[];
}
/**
 * A queue for later in the memory of this process: entries go out again, oldest first and lane by lane, through the same
 * breaker, as soon as that lets them. An entry that fails stays at the head of its lane until it ends well or is taken out
 * by `remove`; while the circuit is open none is tried. Nobody else needs to call the dependency for that: when the circuit
 * is due for a probe, an entry is one.
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
    /** Figures at this moment; `failing` is what somebody should look at. O(lanes). */
    snapshot(): LaterQueueSnapshot;
    /**
     * Takes an entry out that will never end well, so that those behind it go on, and returns it: to be repaired and added
     * again, or kept elsewhere. Undefined when it is not here, or under way just now. O(entries of its lane).
     */
    remove(key: string): LaterEntry<A> | undefined;
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

export { type Accepted, CallContext, CircuitBreaker, CircuitBreakerOptions, CircuitBreakerRegistry, type CircuitBreakerRegistryOptions, CircuitBreakerSnapshot, Clock, type FailingEntry, FallbackStep, type KeyedBreakerOptions, type LaterContext, type LaterEntry, LaterQueue, type LaterQueueOptions, type LaterQueueSnapshot, type LaterSink, type QueueForLaterOptions, type StaleCacheOptions, StepOptions, TestClock, queueForLater, staleCache };

// prometheus.d.ts
import { a as CircuitBreaker } from './circuit-breaker.js';

/** What is called of a registry of metrics; prom-client 15's `Registry` has this shape. */
interface MetricRegistry {
    registerMetric(metric: any): void;
    removeSingleMetric(name: string): void;
}
/**
 * Registers metrics named `evenkeel_circuit_breaker_...` that read the breakers when they are scraped: ten series a
 * breaker, labelled `breaker`. The breakers may be a {@link CircuitBreakerRegistry}: those it keeps at that moment are read.
 *
 * @returns a function that takes the metrics back
 */
declare function registerMetrics(registry: MetricRegistry, breakers: CircuitBreaker | Iterable<CircuitBreaker>): () => void;

export { type MetricRegistry, registerMetrics };

// redis.d.ts
import { a as CircuitBreaker, b as Clock } from './circuit-breaker.js';

/** The commands called of a Redis client; ioredis 5 and 6, its Cluster and iovalkey have this shape. */
interface RedisLike {
    eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
}
/** Options of {@link CircuitSharing}. */
interface CircuitSharingOptions {
    readonly redis: RedisLike;
    /** The breakers to share, each with those of the same name in other processes; a `CircuitBreakerRegistry` will do. */
    readonly breakers: Iterable<CircuitBreaker>;
    /** Names this process, and is different in each (default: random). */
    readonly node?: string | undefined;
    /** Begins the keys (default `evenkeel:circuit`). */
    readonly prefix?: string | undefined;
    /** When more than this share of the nodes with traffic find the circuit open, the others open theirs; in [0, 1) (default 0.5). */
    readonly quorum?: number | undefined;
    /** How often verdicts are told and read, in ms (default 1,000). */
    readonly intervalMs?: number | undefined;
    /** How long the node that probes keeps the others from it, in ms (default 10,000). */
    readonly leaseMs?: number | undefined;
    /** Monotonic time and timers (default: the process's). */
    readonly clock?: Clock | undefined;
}
/** What sharing knows, as plain data. */
interface CircuitSharingSnapshot {
    readonly node: string;
    /** Whether the last exchange with Redis succeeded; while false, every breaker decides for itself alone. */
    readonly connected: boolean;
    /** Why the last exchange failed. */
    readonly lastError: unknown;
    /** Names of the breakers whose probes this node may make. */
    readonly leases: readonly string[];
}
/**
 * Shares the verdicts of the breakers of several processes through Redis, off the path of the calls.
 *
 * Once in `intervalMs` each process says what its breakers found, if they had traffic or are not closed, and reads what
 * the others found: one script a breaker, nothing for idle ones. When more than `quorum` of the nodes that had traffic
 * find a circuit open, the others open theirs. A circuit that is due for probes is probed by the one process that holds the
 * lease, for `leaseMs`; when it has found the dependency well, the others may probe too. No call ever waits for Redis or fails for
 * it: while Redis is away each breaker decides alone.
 *
 * Times are those of the Redis server. The client stays the caller's: it is neither configured nor closed.
 */
declare class CircuitSharing implements AsyncDisposable {
    #private;
    readonly node: string;
    /**
     * Begins to share.
     *
     * @throws TypeError when an option has the wrong type or is unknown
     * @throws RangeError when an option is out of range
     */
    constructor(options: CircuitSharingOptions);
    snapshot(): CircuitSharingSnapshot;
    /** Says and reads verdicts now instead of at the next interval. Never rejects: see `snapshot()`. */
    exchange(): Promise<void>;
    /** Shares no longer; the breakers go on by themselves. Resolves when nothing is under way. */
    close(): Promise<void>;
    [Symbol.asyncDispose](): Promise<void>;
}

export { CircuitSharing, type CircuitSharingOptions, type CircuitSharingSnapshot, type RedisLike };
