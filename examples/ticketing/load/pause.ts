import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; shorter when the run is interrupted, which is for the caller to see and no error. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

/** Looks each `everyMs`, for `forMs` or until the run is interrupted. Resolves with what was seen last. */
export async function until<T>(
  look: () => T | Promise<T>,
  { everyMs, forMs, signal }: { everyMs: number; forMs: number; signal: AbortSignal },
  isEnough: (seen: T) => boolean = Boolean,
): Promise<T> {
  const deadline = performance.now() + forMs;
  for (;;) {
    const seen = await look();
    if (isEnough(seen) || performance.now() > deadline || signal.aborted) return seen;
    await pause(everyMs, signal);
  }
}
