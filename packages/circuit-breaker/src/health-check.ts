import type { CircuitBreakerSnapshot } from './snapshot.ts';

/** A check in the shape that health checkers take. */
export interface HealthCheck {
  readonly name: string;
  /** Resolves with the snapshot while calls are let through, rejects with the error they would get otherwise. */
  check(signal?: AbortSignal): Promise<CircuitBreakerSnapshot>;
}

interface Observed {
  readonly name: string;
  snapshot(): CircuitBreakerSnapshot;
}

/** @param refusal the error that a call would get now */
export function healthCheckOf(breaker: Observed, refusal: () => Error | undefined): HealthCheck {
  return {
    name: breaker.name,
    check: async (signal) => {
      signal?.throwIfAborted();
      const snapshot = breaker.snapshot();
      const error = refusal();
      if (error !== undefined) throw error;
      return snapshot;
    },
  };
}
