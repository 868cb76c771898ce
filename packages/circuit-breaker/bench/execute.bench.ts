import { availableParallelism, cpus } from 'node:os';
import { cpuUsage, hrtime, memoryUsage } from 'node:process';
import { CircuitBreaker, type CircuitBreakerOptions } from '@evenkeel/circuit-breaker';
import {
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
  SamplingBreaker,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import OpossumBreaker from 'opossum';

// What a call through a breaker costs in CPU time, beside the same call without one.
// The rounds of all candidates of a group alternate, so that a busy neighbour hits them alike; the median counts.

const ROUNDS = 9;
const WARM_UP = 2;

type Op = (x: number) => PromiseLike<unknown>;
interface Candidate {
  readonly name: string;
  readonly op: Op;
  readonly calls: number;
}
interface Measured {
  readonly name: string;
  readonly nanoseconds: number;
}

/** A fresh copy for each candidate: one shared loop would be compiled for all of them at once, for none well. */
function loop(): (op: Op, calls: number) => Promise<void> {
  return new Function(`return async (op, calls) => {
    for (let i = 0; i < calls; i++) { try { await op(i); } catch {} }
  }`)();
}

async function measure(candidates: readonly Candidate[]): Promise<Measured[]> {
  const runs = candidates.map((candidate) => ({ candidate, run: loop(), rounds: [] as number[] }));
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    for (const { candidate, run, rounds } of runs) {
      const before = cpuUsage();
      await run(candidate.op, candidate.calls);
      const { user, system } = cpuUsage(before);
      if (round >= WARM_UP) rounds.push(((user + system) * 1_000) / candidate.calls);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return runs.map(({ candidate, rounds }) => ({
    name: candidate.name,
    nanoseconds: rounds.sort((a, b) => a - b)[rounds.length >> 1] as number,
  }));
}

function print(title: string, measured: readonly Measured[]): void {
  const raw = measured[0]?.nanoseconds ?? 1;
  console.log(`\n${title}\n`);
  for (const { name, nanoseconds } of measured) {
    const cost =
      nanoseconds < 10_000
        ? `${nanoseconds.toFixed(0)} ns`
        : `${(nanoseconds / 1_000).toFixed(0)} us`;
    console.log(
      `  ${name.padEnd(44)} ${cost.padStart(10)} ${(nanoseconds / raw).toFixed(1).padStart(9)}x`,
    );
  }
}

const failure = new Error('down');
const returnsAtOnce = async (x: number): Promise<number> => x;
const awaitsOnce = async (x: number): Promise<number> => {
  await undefined;
  return x;
};
const fails = async (): Promise<never> => {
  throw failure;
};

const ours = (options: Omit<CircuitBreakerOptions, 'name'>): CircuitBreaker =>
  new CircuitBreaker({ name: 'bench', ...options });
const offRules = { failureRate: false, badRate: false, consecutive: false } as const;
const opossums: OpossumBreaker[] = [];
function opossum(action: (x: never) => unknown, options: Record<string, unknown>): Op {
  const breaker = new OpossumBreaker(action, options);
  opossums.push(breaker);
  return (x) => breaker.fire(x);
}
const consecutive = (): ReturnType<typeof circuitBreaker> =>
  circuitBreaker(handleAll, { halfOpenAfter: 3_600_000, breaker: new ConsecutiveBreaker(10) });

/** What any breaker pays that knows when a call began and hears how it ended. */
const atLeast = (dependency: (x: number) => Promise<number>): Op => {
  let startedAt: [number, number];
  return (x) => {
    startedAt = hrtime();
    return dependency(x).then(
      (value) => value,
      (error) => {
        throw Object.assign(error, { startedAt });
      },
    );
  };
};

async function closed(title: string, dependency: (x: number) => Promise<number>): Promise<void> {
  const plain = ours({ timeoutMs: false });
  const counting = ours({ timeoutMs: false, window: { type: 'count' } });
  const cockatiel = consecutive();
  print(
    title,
    await measure([
      { name: 'no breaker', op: dependency, calls: 100_000 },
      { name: 'a clock reading and a .then, no more', op: atLeast(dependency), calls: 100_000 },
      { name: 'evenkeel', op: (x) => plain.execute(() => dependency(x)), calls: 100_000 },
      {
        name: 'evenkeel, count window',
        op: (x) => counting.execute(() => dependency(x)),
        calls: 100_000,
      },
      {
        name: 'cockatiel, consecutive',
        op: (x) => cockatiel.execute(() => dependency(x)),
        calls: 100_000,
      },
      {
        name: 'opossum, timeout and percentiles off',
        op: opossum(dependency, { timeout: false, rollingPercentilesEnabled: false }),
        calls: 20_000,
      },
    ]),
  );
}

await closed('closed, no timeout, a function that returns at once', returnsAtOnce);
await closed('closed, no timeout, a function that awaits once', awaitsOnce);

const timed = ours({});
const read = ours({});
const cockatielTimed = wrap(consecutive(), timeout(10_000, TimeoutStrategy.Aggressive));
print(
  'closed, timeout 10 s, a function that returns at once',
  await measure([
    { name: 'no breaker', op: returnsAtOnce, calls: 100_000 },
    {
      name: 'evenkeel, signal not read',
      op: (x) => timed.execute(() => returnsAtOnce(x)),
      calls: 100_000,
    },
    {
      name: 'evenkeel, signal read',
      op: (x) => read.execute(({ signal }) => returnsAtOnce(signal.aborted ? 0 : x)),
      calls: 10_000,
    },
    { name: 'opossum, defaults', op: opossum(returnsAtOnce, {}), calls: 10_000 },
    { name: 'cockatiel', op: (x) => cockatielTimed.execute(() => returnsAtOnce(x)), calls: 2_000 },
  ]),
);

const open = ours({ consecutive: 1, open: { forMs: 3_600_000, maxMs: 3_600_000 } });
const cockatielOpen = consecutive();
const opossumOpen = new OpossumBreaker(fails, {
  resetTimeout: 3_600_000,
  rollingPercentilesEnabled: false,
});
opossums.push(opossumOpen);
for (let i = 0; i < 20; i += 1) {
  await Promise.allSettled([open.execute(fails), cockatielOpen.execute(fails), opossumOpen.fire()]);
}
print(
  'open, the call is refused',
  await measure([
    { name: 'a function that throws', op: fails, calls: 20_000 },
    { name: 'evenkeel', op: () => open.execute(fails), calls: 20_000 },
    { name: 'opossum', op: () => opossumOpen.fire(), calls: 20_000 },
    { name: 'cockatiel', op: () => cockatielOpen.execute(fails), calls: 20_000 },
  ]),
);

async function full(calls: number): Promise<CircuitBreaker> {
  const breaker = ours({
    ...offRules,
    timeoutMs: false,
    window: { type: 'count', size: 1_000_000 },
  });
  for (let i = 0; i < calls; i += 1) await breaker.execute(() => returnsAtOnce(i));
  return breaker;
}
const [empty, twenty, million] = [await full(0), await full(20_000), await full(1_000_000)];
const cockatielFull = circuitBreaker(handleAll, {
  halfOpenAfter: 1_000,
  breaker: new SamplingBreaker({ threshold: 0.99, duration: 60_000 }),
});
const opossumFull = new OpossumBreaker((bad: boolean) => (bad ? fails() : returnsAtOnce(1)), {
  timeout: false,
  errorThresholdPercentage: 100,
  rollingCountTimeout: 600_000,
});
opossums.push(opossumFull);
for (let i = 0; i < 20_000; i += 1) {
  await Promise.all([cockatielFull.execute(() => returnsAtOnce(i)), opossumFull.fire(false)]);
}
print(
  'closed, the call fails',
  await measure([
    { name: 'a function that throws', op: fails, calls: 20_000 },
    { name: 'evenkeel, empty window', op: () => empty.execute(fails), calls: 20_000 },
    {
      name: 'evenkeel, 20,000 calls in the window',
      op: () => twenty.execute(fails),
      calls: 20_000,
    },
    {
      name: 'evenkeel, 1,000,000 calls in the window',
      op: () => million.execute(fails),
      calls: 20_000,
    },
    {
      name: 'cockatiel, 20,000 calls in the window',
      op: () => cockatielFull.execute(fails),
      calls: 20_000,
    },
    { name: 'opossum, 20,000 calls in the window', op: () => opossumFull.fire(true), calls: 50 },
  ]),
);
for (const breaker of opossums) breaker.shutdown();

// Ten thousand idle breakers: what each holds, and what they cost while nothing happens.
const heap = (): number => {
  for (let i = 0; i < 4; i += 1) globalThis.gc?.();
  const { heapUsed, external } = memoryUsage();
  return heapUsed + external;
};
/** Milliseconds of CPU a second while nothing happens; the lowest of three, since the collector may still be at work. */
const restingCpu = async (): Promise<number> => {
  const samples: number[] = [];
  for (let sample = 0; sample < 3; sample += 1) {
    const start = cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { user, system } = cpuUsage(start);
    samples.push((user + system) / 1_000);
  }
  return Math.min(...samples);
};
const restBefore = await restingCpu();
const breakers: CircuitBreaker[] = new Array(10_000);
const before = heap();
for (let i = 0; i < breakers.length; i += 1) {
  breakers[i] = ours({ slow: { afterMs: 100 }, timeoutMs: 200 });
}
await Promise.all(breakers.map((breaker) => breaker.execute(() => returnsAtOnce(1))));
await new Promise((resolve) => setTimeout(resolve, 500)); // the timers of these calls have run out
const bytes = (heap() - before) / breakers.length;
const idle = await restingCpu();
const size =
  globalThis.gc === undefined ? 'size needs --expose-gc' : `${bytes.toFixed(0)} bytes each`;
const cpu = `CPU ${idle.toFixed(1)} ms a second, ${restBefore.toFixed(1)} ms without them`;
console.log(`\n${breakers.length} idle breakers: ${size}; ${cpu}`);
console.log(`\n${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}`);
