import type { Clock } from './clock.ts';
import { LoaderTimeoutError } from './errors.ts';
import type { Loader } from './options.ts';

export interface Loading<T> {
  readonly namespace: string;
  readonly key: string;
  readonly stale: T | undefined;
  readonly hardTimeoutMs: number;
  readonly clock: Clock;
  /** Aborted when the cache closes. */
  readonly closing: AbortSignal;
}

/**
 * Calls the loader, for `hardTimeoutMs` at most; then its signal is aborted and its result, should
 * there be one, is dropped.
 *
 * @throws LoaderTimeoutError when it took longer, and whatever the loader throws
 */
export function load<T>(loader: Loader<T>, loading: Loading<T>): Promise<T> {
  const { namespace, key, stale, hardTimeoutMs, clock, closing } = loading;
  const abort = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const stop = (reason: unknown) => {
      abort.abort(reason);
      reject(reason);
    };
    const onClose = () => stop(closing.reason);
    const timer = clock.setTimeout(
      () => stop(new LoaderTimeoutError(namespace, key, hardTimeoutMs)),
      hardTimeoutMs,
    );
    closing.addEventListener('abort', onClose, { once: true });
    const run = async () => await loader({ signal: abort.signal, stale });
    run()
      .then(resolve, reject)
      .finally(() => {
        clock.clearTimeout(timer);
        closing.removeEventListener('abort', onClose);
      });
  });
}
