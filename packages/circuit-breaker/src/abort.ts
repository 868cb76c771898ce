const watchersOf = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `watcher` when the signal aborts, and returns what stops that.
 *
 * All watchers of one signal share a single listener: a hundred calls of one request would otherwise set off Node's
 * warning about a leak. It is removed with the last watcher, since a listener keeps some signals alive.
 */
export function onAbort(signal: AbortSignal, watcher: () => void): () => void {
  let watchers = watchersOf.get(signal);
  if (watchers === undefined) {
    watchers = new Set();
    watchersOf.set(signal, watchers);
  }
  const all = watchers;
  if (all.size === 0) signal.addEventListener('abort', notify);
  all.add(watcher);
  return () => {
    if (all.delete(watcher) && all.size === 0) signal.removeEventListener('abort', notify);
  };
}

function notify(this: AbortSignal): void {
  const watchers = watchersOf.get(this);
  if (watchers === undefined) return;
  this.removeEventListener('abort', notify);
  const all = [...watchers];
  watchers.clear();
  for (const watcher of all) watcher();
}

export function isAbortSignal(value: unknown): value is AbortSignal {
  const signal = value as Partial<AbortSignal> | null | undefined;
  return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function';
}

/** The value, or the signal's reason as soon as it aborts; what comes later is dropped, rejections included. */
export function untilAborted<T>(
  value: T | PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const promise = Promise.resolve(value);
  if (signal === undefined) return promise;
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}
