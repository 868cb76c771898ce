import { CircuitBreaker, type CircuitBreakerOptions, TestClock } from '../src/index.ts';

/** A breaker on a clock of its own, without jitter. */
export function breakerWith(options: Partial<CircuitBreakerOptions> = {}): {
  breaker: CircuitBreaker;
  clock: TestClock;
} {
  const clock = new TestClock();
  const breaker = new CircuitBreaker({ name: 'psp', clock, random: () => 0.5, ...options });
  return { breaker, clock };
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Lets every pending promise settle. */
export function flush(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export const failure = new Error('down');

/** Makes so many failing calls, one after the other. */
export async function fail(breaker: CircuitBreaker, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    await breaker.execute(() => Promise.reject(failure)).catch(() => {});
  }
}

export async function succeed(breaker: CircuitBreaker, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) await breaker.execute(() => 'fine');
}

/** Starts a call that ends when the returned handle says so; its promise never goes unhandled. */
export function hang(breaker: CircuitBreaker): Deferred<string> & { outcome: Promise<unknown> } {
  const work = deferred<string>();
  const outcome = breaker
    .execute(() => work.promise)
    .then(
      (value) => value,
      (error) => error,
    );
  return { ...work, outcome };
}
