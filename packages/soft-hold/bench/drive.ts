/** What one run of a contender came to. Times in ms. */
export type Run = {
  perSecond: number;
  p50: number;
  p99: number;
  granted: number;
  /** When the last unit was granted; null when not all were. */
  goneAfterMs: number | null;
};

/** Whether the attempt got a unit. */
export type Attempt = (n: number) => Promise<boolean>;

/** Makes `attempts` calls, `inFlight` at any time, and times each. */
export async function drive(
  attempt: Attempt,
  attempts: number,
  inFlight: number,
  stock: number,
): Promise<Run> {
  const times = new Float64Array(attempts);
  let next = 0;
  let granted = 0;
  let goneAfterMs: number | null = null;
  const start = performance.now();
  const buyer = async () => {
    while (next < attempts) {
      const n = next++;
      const asked = performance.now();
      const got = await attempt(n);
      const answered = performance.now();
      times[n] = answered - asked;
      if (got && ++granted === stock) goneAfterMs = answered - start;
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, attempts) }, buyer));
  const seconds = (performance.now() - start) / 1000;
  times.sort();
  return {
    perSecond: attempts / seconds,
    p50: times[Math.floor(attempts * 0.5)] as number,
    p99: times[Math.floor(attempts * 0.99)] as number,
    granted,
    goneAfterMs,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
