import type { Clock } from './clock.ts';
import { TransportTimeoutError } from './errors.ts';

/**
 * Waits for `promise` at most `timeoutMs`; then rejects with a TransportTimeoutError that tells
 * `what` took so long. The promise goes on, and its late rejection is swallowed.
 */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<T>,
  what: string,
): Promise<T> {
  let handle: unknown;
  try {
    return await new Promise<T>((resolve, reject) => {
      promise.then(resolve, reject);
      handle = clock.setTimeout(
        () => reject(new TransportTimeoutError(what, timeoutMs)),
        timeoutMs,
      );
    });
  } finally {
    clock.clearTimeout(handle);
  }
}
