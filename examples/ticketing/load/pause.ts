import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; shorter when the run is interrupted, which is for the caller to see and no error. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
