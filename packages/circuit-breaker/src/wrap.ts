import type { ExecuteOptions, WrapOptions } from './call-options.ts';
import { object, wrongType } from './checks.ts';

interface Executor {
  execute<T, F>(action: () => T | PromiseLike<T>, options?: ExecuteOptions<F>): Promise<T | F>;
}

/** A function of the same signature whose calls go through the breaker. */
export function wrapped<This, A extends unknown[], T, F>(
  breaker: Executor,
  fn: (this: This, ...args: A) => T | PromiseLike<T>,
  options: WrapOptions<A, F>,
): (this: This, ...args: A) => Promise<T | F> {
  if (typeof fn !== 'function') throw wrongType('fn', 'a function', fn);
  object('options', options, ['repeatable', 'fallback', 'key']);
  const { fallback, key, repeatable } = options;
  if (key !== undefined && typeof key !== 'function') throw wrongType('key', 'a function', key);
  if (fallback === undefined) {
    const call: ExecuteOptions<F> | undefined = repeatable === false ? { repeatable } : undefined;
    return function (...args) {
      return breaker.execute(() => fn.apply(this, args), call);
    };
  }
  return async function (...args) {
    const call = { fallback, args, key: key?.(...args), repeatable };
    return breaker.execute(() => fn.apply(this, args), call);
  };
}
