const IDLE_JOBS = 60;

/** Runs `count` calls, `parallel` at a time, and gives calls a second. */
export async function perSecond(
  count: number,
  parallel: number,
  call: (i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const begun = performance.now();
  const caller = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: parallel }, caller));
  return (count / (performance.now() - begun)) * 1_000;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}

/** Milliseconds from adding a job to an idle worker to its handler, fifty times. */
export async function idleLatency(
  add: (n: number) => Promise<unknown>,
  arrival: (n: number) => Promise<number>,
): Promise<number[]> {
  const latencies: number[] = [];
  for (let n = 0; n < IDLE_JOBS; n++) {
    const begun = performance.now();
    const [at] = await Promise.all([arrival(n), add(n)]);
    if (n >= 10) latencies.push(at - begun); // the first ones open connections
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return latencies;
}
