/**
 * Settles as `work` does, or rejects with `late()` after `ms`, or with the signal's reason when it
 * is aborted. The work itself is not stopped: only the wait for it is.
 */
export function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) {
      work.catch(() => {});
      reject(signal.reason);
      return;
    }
    const onAbort = () => end(() => reject(signal?.reason));
    const timer = setTimeout(() => {
      // after a stall of this process, an answer that waits in the socket is read before this runs
      setImmediate(() => end(() => reject(late())));
    }, ms);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
  });
}

/** Resolves after `ms`; does not keep the process alive. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
