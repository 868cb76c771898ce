import type { CircuitBreakerSnapshot } from './snapshot.ts';

/** A check in the shape that health checkers take. */
export interface HealthCheck {
  readonly name: string;
  /** Resolves with the snapshot while calls are let through, rejects with the error they would get otherwise. */
  check(signal?: AbortSignal): Promise<CircuitBreakerSnapshot>;
}
