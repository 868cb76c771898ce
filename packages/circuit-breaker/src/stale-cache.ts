import { duration, integer, object } from './checks.ts';
import { NoStaleValueError, stackless } from './errors.ts';
import { checkedKinds, type FallbackStep, type StepOptions } from './fallback.ts';

/** Options of {@link staleCache}. */
export interface StaleCacheOptions extends StepOptions {
  /** A value older than so many ms is no answer. */
  readonly maxStaleMs: number;
  /** Keys remembered; the least recently written goes first (default 1,000). */
  readonly maxEntries?: number | undefined;
}

/**
 * A fallback step that answers with the last good value of the same `key`. Make it once and use it for every call.
 *
 * @throws TypeError, RangeError when an option is wrong
 */
export function staleCache<T = never>(options: StaleCacheOptions): FallbackStep<T> {
  const maxStaleMs = duration('maxStaleMs', options?.maxStaleMs);
  object('options', options, ['maxStaleMs', 'maxEntries', 'on']);
  const maxEntries = integer('maxEntries', options.maxEntries ?? 1_000, 1_000_000);
  const values = new Map<string, { readonly value: T; readonly at: number }>();
  return {
    source: 'staleCache',
    on: checkedKinds(options.on),
    needsKey: true,
    answer: (_error, _args, { name, key, now }) => {
      const entry = values.get(key as string);
      if (entry !== undefined && now - entry.at <= maxStaleMs) return entry.value;
      throw stackless(() => new NoStaleValueError(name, key as string));
    },
    remember: (value, key, now) => {
      values.delete(key as string); // written again, it is the youngest of the map
      values.set(key as string, { value: value as T, at: now });
      if (values.size > maxEntries) values.delete(values.keys().next().value as string);
    },
  };
}
