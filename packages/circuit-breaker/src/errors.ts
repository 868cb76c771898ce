import type { PartialRefusal } from './admission.ts';
import type { CircuitState } from './circuit.ts';

const BRAND = Symbol.for('@evenkeel/circuit-breaker.error');

/** Codes of the errors of this package. */
export type CircuitBreakerErrorCode =
  | 'ERR_CIRCUIT_OPEN'
  | 'ERR_CIRCUIT_ISOLATED'
  | 'ERR_CALL_TIMEOUT'
  | 'ERR_BULKHEAD_FULL'
  | 'ERR_BREAKER_CLOSED'
  | 'ERR_PERMIT_SETTLED'
  | 'ERR_NO_STALE_VALUE'
  | 'ERR_LATER_QUEUE_FULL'
  | 'ERR_LATER_QUEUE_CLOSED'
  | 'ERR_REGISTRY_CLOSED';

/**
 * Common ancestor of the errors of this package; `instanceof` recognises those of another copy of the package too.
 *
 * They carry no stack trace unless the breaker was made with `captureStack: true`.
 */
export abstract class CircuitBreakerError extends Error {
  abstract readonly code: CircuitBreakerErrorCode;
  /** Name of the breaker. */
  readonly breaker: string;
  /** Errors of the fallback steps, in order, when every one of them failed as well. */
  fallbackErrors?: unknown[];

  constructor(breaker: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.breaker = breaker;
  }

  static {
    define(CircuitBreakerError, 'CircuitBreakerError', undefined);
  }
}

/**
 * The circuit is open, or half-open with all probes under way, or closed and letting in only a share of the calls: the call
 * was not made.
 */
export class CircuitOpenError extends CircuitBreakerError {
  readonly code = 'ERR_CIRCUIT_OPEN';
  readonly state: CircuitState;
  /** After so many ms another attempt may be let through. */
  readonly retryAfterMs: number;
  /** Why a *closed* circuit refused: it lets in more and more calls after an outage, or the dependency is overloaded. */
  readonly reason: PartialRefusal | undefined;

  constructor(
    breaker: string,
    state: CircuitState,
    retryAfterMs: number,
    cause: unknown,
    reason?: PartialRefusal,
  ) {
    const wait = `retry in ${Math.ceil(retryAfterMs)} ms`;
    super(breaker, `Circuit ${breaker} is ${reason ?? state}, ${wait}`, { cause });
    this.state = state;
    this.retryAfterMs = retryAfterMs;
    this.reason = reason;
  }

  static {
    define(CircuitOpenError, 'CircuitOpenError', 'ERR_CIRCUIT_OPEN');
  }
}

/** The circuit is held open by hand: the call was not made. */
export class CircuitIsolatedError extends CircuitBreakerError {
  readonly code = 'ERR_CIRCUIT_ISOLATED';
  readonly state = 'isolated';
  /** What was given to `isolate()`. */
  readonly reason: string;

  constructor(breaker: string, reason: string, cause: unknown) {
    super(breaker, `Circuit ${breaker} is isolated: ${reason}`, { cause });
    this.reason = reason;
  }

  static {
    define(CircuitIsolatedError, 'CircuitIsolatedError', 'ERR_CIRCUIT_ISOLATED');
  }
}

/** The call took longer than `timeoutMs`; it may still be running. */
export class CallTimeoutError extends CircuitBreakerError {
  readonly code = 'ERR_CALL_TIMEOUT';
  readonly timeoutMs: number;

  constructor(breaker: string, timeoutMs: number) {
    super(breaker, `Call through circuit ${breaker} timed out after ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }

  static {
    define(CallTimeoutError, 'CallTimeoutError', 'ERR_CALL_TIMEOUT');
  }
}

/** Every slot and every place in the queue was taken, or none became free in time: the call was not made. */
export class BulkheadFullError extends CircuitBreakerError {
  readonly code = 'ERR_BULKHEAD_FULL';
  /** Calls that run at once. */
  readonly concurrency: number;

  constructor(breaker: string, concurrency: number) {
    super(breaker, `Bulkhead of circuit ${breaker} is full: ${concurrency} calls are running`);
    this.concurrency = concurrency;
  }

  static {
    define(BulkheadFullError, 'BulkheadFullError', 'ERR_BULKHEAD_FULL');
  }
}

/** The breaker was shut down by `close()`: the call was not made. */
export class BreakerClosedError extends CircuitBreakerError {
  readonly code = 'ERR_BREAKER_CLOSED';

  constructor(breaker: string) {
    super(breaker, `Circuit breaker ${breaker} has been shut down`);
  }

  static {
    define(BreakerClosedError, 'BreakerClosedError', 'ERR_BREAKER_CLOSED');
  }
}

/** A permit was settled a second time. */
export class PermitSettledError extends CircuitBreakerError {
  readonly code = 'ERR_PERMIT_SETTLED';

  constructor(breaker: string) {
    super(breaker, `A permit of circuit ${breaker} has been settled already`);
  }

  static {
    define(PermitSettledError, 'PermitSettledError', 'ERR_PERMIT_SETTLED');
  }
}

/** The stale cache had nothing young enough to answer with. */
export class NoStaleValueError extends CircuitBreakerError {
  readonly code = 'ERR_NO_STALE_VALUE';
  readonly key: string;

  constructor(breaker: string, key: string) {
    super(breaker, `No value fresh enough for '${key}' to stand in for circuit ${breaker}`);
    this.key = key;
  }

  static {
    define(NoStaleValueError, 'NoStaleValueError', 'ERR_NO_STALE_VALUE');
  }
}

/** The queue for later holds as many entries as it may: nothing was accepted. */
export class LaterQueueFullError extends CircuitBreakerError {
  readonly code = 'ERR_LATER_QUEUE_FULL';
  readonly maxEntries: number;

  constructor(breaker: string, maxEntries: number) {
    super(breaker, `The queue for later of circuit ${breaker} is full (${maxEntries} entries)`);
    this.maxEntries = maxEntries;
  }

  static {
    define(LaterQueueFullError, 'LaterQueueFullError', 'ERR_LATER_QUEUE_FULL');
  }
}

/** The queue for later was closed: nothing was accepted. */
export class LaterQueueClosedError extends CircuitBreakerError {
  readonly code = 'ERR_LATER_QUEUE_CLOSED';

  constructor(breaker: string) {
    super(breaker, `The queue for later of circuit ${breaker} has been closed`);
  }

  static {
    define(LaterQueueClosedError, 'LaterQueueClosedError', 'ERR_LATER_QUEUE_CLOSED');
  }
}

/** The registry was closed: it gives out no breaker any more. */
export class RegistryClosedError extends CircuitBreakerError {
  readonly code = 'ERR_REGISTRY_CLOSED';

  constructor(registry: string) {
    super(registry, `The circuit breaker registry ${registry} has been closed`);
  }

  static {
    define(RegistryClosedError, 'RegistryClosedError', 'ERR_REGISTRY_CLOSED');
  }
}

/** Makes an error without the walk up the stack, which is more than half of its cost. */
export function stackless<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = 0;
  } catch {
    return make(); // a process with frozen intrinsics
  }
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

type ErrorClass = abstract new (...args: never) => CircuitBreakerError;

/** Names a class on its prototype and lets `instanceof` go by brand and code instead of identity. */
function define(type: ErrorClass, name: string, code: CircuitBreakerErrorCode | undefined): void {
  Object.defineProperties(type.prototype, { name: { value: name }, [BRAND]: { value: true } });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // A subclass made by an application inherits this, but is recognised by identity.
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, value);
      const error = value as { [BRAND]?: true; code?: unknown } | null | undefined;
      return error?.[BRAND] === true && (code === undefined || error.code === code);
    },
  });
}
