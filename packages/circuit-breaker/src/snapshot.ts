import type { Circuit, CircuitState } from './circuit.ts';
import type { InFlight } from './in-flight.ts';
import type { Layers } from './layers.ts';
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

/** Calls that went another way than straight through; all 0 where the option is not in use. */
export interface ExtraTotals {
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
  /** Calls that hold a slot of the bulkhead, and calls that wait for one. */
  readonly bulkhead: { readonly running: number; readonly queued: number };
  readonly totals: Readonly<Totals> & ExtraTotals;
}

function countsOf({ calls, failed, slow, bad }: CallWindow): WindowSnapshot {
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

/** The parts of a breaker as one plain object. */
export function snapshotOf(
  now: number,
  breaker: {
    readonly name: string;
    readonly state: CircuitState;
    readonly retryAfterMs: number | null;
    readonly isolatedFor: readonly string[];
    readonly circuit: Circuit;
    readonly inFlight: InFlight;
    readonly layers: Layers | undefined;
    readonly waved: number;
  },
): CircuitBreakerSnapshot {
  const { name, state, retryAfterMs, isolatedFor, circuit, inFlight, layers, waved } = breaker;
  const { running = 0, queued = 0, rejected = 0 } = layers?.bulkhead ?? {};
  return {
    name,
    state,
    inStateMs: now - circuit.since,
    isolatedFor,
    retryAfterMs,
    attempt: circuit.attempt,
    consecutiveBad: circuit.consecutiveBad,
    inFlight: inFlight.size,
    window: countsOf(circuit.window),
    bulkhead: { running, queued },
    totals: {
      ...inFlight.totals,
      retried: layers?.retry?.made ?? 0,
      hedged: layers?.hedge?.made ?? 0,
      bulkheadRejected: rejected,
      waved,
    },
  };
}
