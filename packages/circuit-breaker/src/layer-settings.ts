import type { AdmissionSettings } from './admission.ts';
import type { BulkheadSettings } from './bulkhead.ts';
import { duration, integer, isObject, number, object, wrongType } from './checks.ts';
import type { RestoredState } from './circuit.ts';
import type { HedgeSettings } from './hedge.ts';
import type { CircuitBreakerOptions } from './options.ts';
import type { RetrySettings } from './retry.ts';

const MOST = 1_000_000;

/** The options of what a breaker has besides its circuit, checked and completed; undefined for what is not in use. */
export function toAdmission({
  recovery,
  throttle,
  enforce = 1,
}: CircuitBreakerOptions): AdmissionSettings | undefined {
  number('enforce', enforce, 'in [0, 1]', (n) => n >= 0 && n <= 1);
  if (recovery !== undefined) object('recovery', recovery, ['rampMs', 'from']);
  if (throttle !== undefined) object('throttle', throttle, ['k', 'cap']);
  if (recovery === undefined && throttle === undefined && enforce === 1) return undefined;
  return {
    enforce,
    rampMs: recovery === undefined ? 0 : duration('recovery.rampMs', recovery.rampMs),
    rampFrom: share('recovery.from', recovery?.from ?? 0.1),
    throttleK:
      throttle === undefined
        ? Number.POSITIVE_INFINITY
        : number('throttle.k', throttle.k ?? 2, 'in [1, 100]', (n) => n >= 1 && n <= 100),
    throttleCap: share('throttle.cap', throttle?.cap ?? 0.9),
  };
}

export function toBulkhead(
  bulkhead: CircuitBreakerOptions['bulkhead'],
): BulkheadSettings | undefined {
  if (bulkhead === undefined) return undefined;
  object('bulkhead', bulkhead, ['concurrency', 'queue', 'maxWaitMs']);
  const rule = `an integer in [0, ${MOST}]`;
  return {
    concurrency: integer('bulkhead.concurrency', bulkhead.concurrency, MOST),
    queue: number(
      'bulkhead.queue',
      bulkhead.queue ?? 0,
      rule,
      (n) => Number.isInteger(n) && n >= 0 && n <= MOST,
    ),
    maxWaitMs: duration('bulkhead.maxWaitMs', bulkhead.maxWaitMs ?? 1_000),
  };
}

export function toRetry(retry: CircuitBreakerOptions['retry']): RetrySettings | undefined {
  if (retry === undefined) return undefined;
  object('retry', retry, ['attempts', 'baseMs', 'maxMs', 'budget', 'budgetMinimum']);
  return {
    attempts: integer('retry.attempts', retry.attempts ?? 3, 100),
    baseMs: duration('retry.baseMs', retry.baseMs ?? 100),
    maxMs: duration('retry.maxMs', retry.maxMs ?? 5_000),
    budget: fullShare('retry.budget', retry.budget ?? 0.2),
    budgetMinimum: integer('retry.budgetMinimum', retry.budgetMinimum ?? 3, MOST),
  };
}

export function toHedge(hedge: CircuitBreakerOptions['hedge']): HedgeSettings | undefined {
  if (hedge === undefined) return undefined;
  object('hedge', hedge, ['afterMs', 'budget']);
  return {
    afterMs: duration('hedge.afterMs', hedge.afterMs),
    budget: fullShare('hedge.budget', hedge.budget ?? 0.1),
  };
}

const STATES: readonly unknown[] = ['closed', 'open', 'half-open', 'isolated', 'disabled'];

/** What was stored may be anything: only what a circuit goes on with is read, and checked. */
export function toRestoredState(stored: unknown): RestoredState {
  if (!isObject(stored)) throw wrongType('initialState', 'an object', stored);
  const { state, retryAfterMs = null, attempt, consecutiveBad } = stored as Partial<RestoredState>;
  if (!STATES.includes(state)) {
    throw wrongType('initialState.state', `one of ${STATES.join(', ')}`, state);
  }
  const count = (field: string, value: unknown): number =>
    number(field, value, 'an integer >= 0', (n) => Number.isSafeInteger(n) && n >= 0);
  return {
    state: state as RestoredState['state'],
    retryAfterMs:
      retryAfterMs === null
        ? null
        : number(
            'initialState.retryAfterMs',
            retryAfterMs,
            'in [0, 2147483647]',
            (n) => n >= 0 && n <= 2_147_483_647,
          ),
    attempt: count('initialState.attempt', attempt),
    consecutiveBad: count('initialState.consecutiveBad', consecutiveBad),
  };
}

function share(field: string, value: unknown): number {
  return number(field, value, 'in (0, 1)', (n) => n > 0 && n < 1);
}

function fullShare(field: string, value: unknown): number {
  return number(field, value, 'in (0, 1]', (n) => n > 0 && n <= 1);
}
