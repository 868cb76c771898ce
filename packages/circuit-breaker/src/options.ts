import type { Clock } from './clock.ts';
import type { CircuitBreakerSnapshot } from './snapshot.ts';

/** What a call says about the health of the dependency; `ignore` says nothing. */
export type Classification = 'success' | 'failure' | 'ignore';

/** The calls of the last stretch of time. */
export interface TimeWindowOptions {
  readonly type?: 'time' | undefined;
  /** Length of the window in ms (default 10,000). */
  readonly durationMs?: number | undefined;
  /** Steps in which old calls leave it (default 10). */
  readonly buckets?: number | undefined;
}

/** The last so many calls, however old. */
export interface CountWindowOptions {
  readonly type: 'count';
  /** How many calls (default 100). */
  readonly size?: number | undefined;
}

/** When a call is slow. */
export interface SlowOptions {
  /** A call still in flight after so many ms counts as slow there and then (default 5,000). */
  readonly afterMs?: number | undefined;
  /** Share of slow calls that opens the circuit, in (0, 1] (default 0.5); `false`: slow calls count for `badRate` and `consecutive` only. */
  readonly rate?: number | false | undefined;
}

/** How long the circuit stays open: `forMs * factor^n`, at most `maxMs`, plus or minus `jitter`. */
export interface OpenOptions {
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
export interface HalfOpenOptions {
  /** Good calls it takes to close; the first goes alone, the others follow when it was good (default 3). */
  readonly probes?: number | undefined;
  /** A probe not back after so many ms is written off and another may go (default 30,000). */
  readonly maxWaitMs?: number | undefined;
}

/** How many calls run at once. */
export interface BulkheadOptions {
  /** Calls that run at once; a slot is held until the work has really ended, also after a timeout. */
  readonly concurrency: number;
  /** Calls that may wait for a slot (default 0: a queue before a slow service is the incident again). */
  readonly queue?: number | undefined;
  /** Longest wait in ms (default 1,000). */
  readonly maxWaitMs?: number | undefined;
}

/** When a failed or timed-out call is made again. */
export interface RetryOptions {
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
export interface HedgeOptions {
  /** The second one goes when the first has not answered after so many ms: about the p95 of the dependency. */
  readonly afterMs: number;
  /** Share of the calls made twice at most, in (0, 1] (default 0.1). */
  readonly budget?: number | undefined;
}

/** How calls come back after an outage. */
export interface RecoveryOptions {
  /** After so many ms all are let in again; the share grows in a straight line. */
  readonly rampMs: number;
  /** Share let in at once, in (0, 1) (default 0.1). */
  readonly from?: number | undefined;
}

/** Refuses a share of the calls while the dependency accepts only some. */
export interface ThrottleOptions {
  /** Calls sent for each accepted one before any is refused, at least 1 (default 2). */
  readonly k?: number | undefined;
  /** Largest share refused, in (0, 1) (default 0.9): the rest finds out when it is over. */
  readonly cap?: number | undefined;
}

/** Options of {@link CircuitBreaker}; read once, never written to. */
export interface CircuitBreakerOptions {
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
  readonly classify?:
    | ((errorOrResult: unknown, threw: boolean) => Classification | undefined)
    | undefined;
  /** Monotonic time and timers (default: the process's). */
  readonly clock?: Clock | undefined;
  /** Numbers in [0, 1) for the jitter (default `Math.random`). */
  readonly random?: (() => number) | undefined;
  /** Gives the breaker's own errors a stack trace, at two to three times their cost (default false). */
  readonly captureStack?: boolean | undefined;
}
