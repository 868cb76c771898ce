import type { Fallback } from './fallback.ts';

/** Options of one call. */
export interface ExecuteOptions<F = never> {
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
export interface WrapOptions<A extends unknown[], F = never> {
  /** As of a single call. */
  readonly repeatable?: boolean | undefined;
  readonly fallback?: Fallback<F> | undefined;
  /** Computes the key of a call from its arguments. */
  readonly key?: ((...args: A) => string) | undefined;
}

/** An answer and who gave it. */
export interface Outcome<T> {
  readonly value: T;
  /** `call`, or the `source` of the fallback step. */
  readonly source: string;
  /** What the fallback stood in for. */
  readonly error?: unknown;
}
