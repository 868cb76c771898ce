/**
 * Arrivals that do not wait for answers. A closed loop (send, wait, send) goes easy on a server that
 * stalls: it sends nothing meanwhile, and the stall is one slow answer among many. Here everybody comes
 * when the plan says so, and every latency counts from that moment, not from when the driver got round
 * to it.
 * @see Gil Tene, "How NOT to measure latency" (coordinated omission)
 */
import { setTimeout as sleep } from 'node:timers/promises';

export type ArrivalPlan = {
  perSecond: number;
  count: number;
  /** for exponential gaps, as independent people come; without it the gaps are equal */
  random?: () => number;
  signal?: AbortSignal | undefined;
};

/** Milliseconds after the begin at which each comes, ascending. */
export function arrivalTimes({ perSecond, count, random }: ArrivalPlan): Float64Array {
  const times = new Float64Array(count);
  const gapMs = 1_000 / perSecond;
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    times[index] = at;
    at += random ? -Math.log(1 - random()) * gapMs : gapMs;
  }
  return times;
}

/**
 * Calls `come(index, intendedAt)` for each arrival, `intendedAt` by `performance.now()`. Resolves when
 * all that came have ended; the signal ends only the coming.
 */
export async function arrive(
  plan: ArrivalPlan,
  come: (index: number, intendedAt: number) => Promise<unknown>,
): Promise<void> {
  const times = arrivalTimes(plan);
  const begin = performance.now();
  const under = new Set<Promise<unknown>>();
  for (let next = 0; next < times.length && !plan.signal?.aborted; ) {
    const now = performance.now() - begin;
    while (next < times.length && (times[next] as number) <= now) {
      const visit = come(next, begin + (times[next] as number)).finally(() => under.delete(visit));
      under.add(visit);
      next += 1;
    }
    const waitMs = (times[next] ?? 0) - (performance.now() - begin);
    await sleep(Math.max(1, Math.min(waitMs, 100)));
  }
  await Promise.all(under);
}
