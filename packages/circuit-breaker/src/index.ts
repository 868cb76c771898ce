export type { PartialRefusal } from './admission.ts';
export type { CallContext } from './call.ts';
export type { ExecuteOptions, Outcome, WrapOptions } from './call-options.ts';
export type { CircuitState, TransitionReason } from './circuit.ts';
export { CircuitBreaker } from './circuit-breaker.ts';
export { type Clock, systemClock } from './clock.ts';
export {
  BreakerClosedError,
  BulkheadFullError,
  CallTimeoutError,
  CircuitBreakerError,
  type CircuitBreakerErrorCode,
  CircuitIsolatedError,
  CircuitOpenError,
  LaterQueueClosedError,
  LaterQueueFullError,
  NoStaleValueError,
  PermitSettledError,
  RegistryClosedError,
} from './errors.ts';
export type {
  CallEvent,
  CircuitBreakerEvents,
  FailureEvent,
  FallbackEvent,
  RejectEvent,
  TransitionEvent,
} from './events.ts';
export {
  type Fallback,
  type FallbackContext,
  type FallbackFunction,
  type FallbackKind,
  type FallbackStep,
  type StepOptions,
  value,
} from './fallback.ts';
export type { HealthCheck } from './health-check.ts';
export type { Isolation } from './isolation.ts';
export {
  type FailingEntry,
  type LaterContext,
  LaterQueue,
  type LaterQueueOptions,
  type LaterQueueSnapshot,
} from './later-queue.ts';
export type {
  BulkheadOptions,
  CircuitBreakerOptions,
  Classification,
  CountWindowOptions,
  HalfOpenOptions,
  HedgeOptions,
  OpenOptions,
  RecoveryOptions,
  RetryOptions,
  SlowOptions,
  ThrottleOptions,
  TimeWindowOptions,
} from './options.ts';
export type { Permit } from './permit.ts';
export {
  type Accepted,
  type LaterEntry,
  type LaterSink,
  type QueueForLaterOptions,
  queueForLater,
} from './queue-for-later.ts';
export {
  CircuitBreakerRegistry,
  type CircuitBreakerRegistryOptions,
  type KeyedBreakerOptions,
} from './registry.ts';
export type { CircuitBreakerSnapshot, ExtraTotals, Totals, WindowSnapshot } from './snapshot.ts';
export { type StaleCacheOptions, staleCache } from './stale-cache.ts';
export { TestClock } from './test-clock.ts';
