import type { CircuitState } from './circuit.ts';
import type { CallWindow } from './window.ts';

/** How the calls in the window went. */
export interface WindowSnapshot {
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
export interface Totals {
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
export interface CircuitBreakerSnapshot {
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

export function countsOf({ calls, failed, slow, bad }: CallWindow): WindowSnapshot {
  const share = (part: number): number => (calls === 0 ? 0 : part / calls);
  return {
    calls,
    failed,
    slow,
    bad,
    failureRate: share(failed),
    slowRate: share(slow),
    badRate: share(bad),
  };
}
