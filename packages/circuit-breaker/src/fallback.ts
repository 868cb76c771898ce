import { untilAborted } from './abort.ts';
import { object, wrongType } from './checks.ts';
import { CircuitBreakerError } from './errors.ts';

/** Why there is no answer: the circuit or the bulkhead let no call through, the call took too long, or it failed. */
export type FallbackKind = 'open' | 'bulkhead' | 'timeout' | 'failure';

/** What a fallback step knows besides the error and the arguments. */
export interface FallbackContext {
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
export type FallbackFunction<T> = (
  error: unknown,
  args: readonly unknown[],
  context: FallbackContext,
) => T | PromiseLike<T>;

/** A fallback function with a name, a choice of errors, and perhaps a memory of good answers. */
export interface FallbackStep<T> {
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
export type Fallback<T> =
  | FallbackFunction<T>
  | FallbackStep<T>
  | readonly (FallbackFunction<T> | FallbackStep<T>)[];

/** Options of a built-in step. */
export interface StepOptions {
  /** The kinds it answers (default: all). */
  readonly on?: readonly FallbackKind[] | undefined;
}

/**
 * A step that always answers with the same value.
 *
 * @throws TypeError when `on` is not an array of kinds, or an option is unknown
 */
export function value<T>(fixed: T, options: StepOptions = {}): FallbackStep<T> {
  object('options', options, ['on']);
  return { source: 'value', on: checkedKinds(options.on), answer: () => fixed };
}

/**
 * @throws TypeError when it is not made of functions and steps, or a step needs a key and there is none
 */
export function toSteps<T>(fallback: Fallback<T>, key: string | undefined): FallbackStep<T>[] {
  const all = Array.isArray(fallback) ? fallback : [fallback];
  return all.map((step: FallbackFunction<T> | FallbackStep<T>): FallbackStep<T> => {
    if (typeof step === 'function') return { source: 'function', answer: step };
    if (typeof step?.answer !== 'function' || typeof step.source !== 'string') {
      throw wrongType('fallback', 'functions and steps', step);
    }
    checkedKinds(step.on);
    if (step.needsKey === true && key === undefined) {
      throw new TypeError(`Expected \`key\`, which fallback step '${step.source}' needs`);
    }
    return step;
  });
}

/**
 * Asks the steps that apply, in order.
 *
 * @throws the error of the call when none of them answers, with theirs as its `fallbackErrors`
 */
export async function answerInstead<T>(
  steps: readonly FallbackStep<T>[],
  error: unknown,
  args: readonly unknown[],
  context: FallbackContext,
): Promise<{ value: T; source: string }> {
  const { signal, kind } = context;
  const failures: unknown[] = [];
  for (const step of steps) {
    if (step.on !== undefined && !step.on.includes(kind)) continue;
    signal?.throwIfAborted();
    try {
      const answer = step.answer(error, args, context);
      return { value: await untilAborted(answer, signal), source: step.source };
    } catch (failure) {
      signal?.throwIfAborted();
      failures.push(failure);
    }
  }
  if (failures.length > 0) attach(error, failures);
  throw error;
}

/** Tells the steps a good answer; one that cannot keep it does not spoil it. */
export function remember(
  steps: readonly FallbackStep<unknown>[],
  value: unknown,
  key: string | undefined,
  now: number,
): void {
  for (const step of steps) {
    try {
      step.remember?.(value, key, now);
    } catch {
      // The answer is there; that it will be missing later shows when this step is asked.
    }
  }
}

export function isFallbackKind(kind: unknown): kind is FallbackKind {
  return KINDS.includes(kind);
}

function attach(error: unknown, fallbackErrors: unknown[]): void {
  if (error instanceof CircuitBreakerError) error.fallbackErrors = fallbackErrors;
  else if (error instanceof Error && Object.isExtensible(error)) {
    Object.defineProperty(error, 'fallbackErrors', {
      value: fallbackErrors,
      configurable: true,
      writable: true,
    });
  }
}

const KINDS: readonly unknown[] = [
  'open',
  'bulkhead',
  'timeout',
  'failure',
] satisfies FallbackKind[];

export function checkedKinds(on: readonly FallbackKind[] | undefined): typeof on {
  if (on !== undefined && !(Array.isArray(on) && on.every((kind) => KINDS.includes(kind)))) {
    throw wrongType('on', `an array of ${KINDS.join(', ')}`, on);
  }
  return on;
}
