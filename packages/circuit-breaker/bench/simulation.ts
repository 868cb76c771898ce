import { TestClock } from '@evenkeel/circuit-breaker';

/** What the dependency does with a call that arrives so many seconds into the simulation. */
export type Dependency = (
  atSeconds: number,
  call: number,
) => { latencyMs: number; fails?: boolean };

/** A policy under test: makes the function that callers call from the one that reaches the dependency. */
export interface Policy {
  readonly name: string;
  readonly protect: (
    upstream: () => Promise<void>,
    clock: TestClock,
  ) => { call: () => Promise<unknown>; stop?: () => void };
}

export interface Result {
  /** Seconds from the beginning of the incident to the first call that was refused. */
  readonly opensAfter: number | undefined;
  /** Calls that reached the dependency during the incident. */
  readonly upstreamCalls: number;
  readonly peakInFlight: number;
  /** Seconds from the end of the incident to the arrival of the last call that was refused or failed. */
  readonly lastError: number;
  /** Second by second, from the beginning. */
  readonly series: readonly Second[];
}

/** One second of the simulation, for the picture. */
export interface Second {
  /** Calls with the dependency at its end. */
  readonly inFlight: number;
  /** Calls that failed or timed out in it, after having been made. */
  readonly failed: number;
  /** Calls that were not made in it. */
  readonly refused: number;
}

export const CALLS_PER_SECOND = 20;
export const SICK_FROM = 60;
export const WELL_FROM = 360;
const END = 480;

/** Twenty calls a second for eight minutes, in virtual time: the incident lasts from second 60 to second 360. */
export async function simulate(policy: Policy, dependency: Dependency): Promise<Result> {
  const clock = new TestClock();
  const restore = takeOverGlobalTime(clock);
  let upstreamCalls = 0;
  let inFlight = 0;
  let peakInFlight = 0;
  let opensAfter: number | undefined;
  let lastError = 0;
  let reached = 0;
  let failed = 0;
  let refused = 0;
  const series: Second[] = [];

  const seconds = (): number => clock.now() / 1_000;
  const sick = (): boolean => seconds() >= SICK_FROM && seconds() < WELL_FROM;
  const upstream = (): Promise<void> => {
    const { latencyMs, fails } = dependency(seconds(), reached);
    reached += 1;
    if (sick()) upstreamCalls += 1;
    inFlight += 1;
    peakInFlight = Math.max(peakInFlight, inFlight);
    return new Promise((resolve, reject) => {
      clock.setTimeout(() => {
        inFlight -= 1;
        if (fails === true) reject(new Error('failed'));
        else resolve();
      }, latencyMs);
    });
  };

  const { call, stop } = policy.protect(upstream, clock);
  for (let tick = 0; tick < END * CALLS_PER_SECOND; tick += 1) {
    await clock.advanceAsync(1_000 / CALLS_PER_SECOND);
    const before = reached;
    const sinceRecovery = seconds() - WELL_FROM;
    let isMade = false;
    let isDecided = false;
    call().catch(() => {
      lastError = Math.max(lastError, sinceRecovery);
      if (isDecided ? isMade : reached > before) failed += 1;
    });
    await clock.advanceAsync(0); // a policy may take a few turns to let a call through
    isMade = reached > before;
    isDecided = true;
    const isRefused = !isMade;
    if (isRefused) refused += 1;
    if (isRefused && sick()) opensAfter ??= seconds() - SICK_FROM;
    if (tick % CALLS_PER_SECOND === CALLS_PER_SECOND - 1) {
      series.push({ inFlight, failed, refused });
      failed = 0;
      refused = 0;
    }
  }
  stop?.();
  restore();
  return { opensAfter, upstreamCalls, peakInFlight, lastError, series };
}

/** The peers read the global clock; here it is the simulation's. */
function takeOverGlobalTime(clock: TestClock): () => void {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const realDate = Date;
  const performanceNow = performance.now;
  const handle = (timer: { current: unknown }): unknown => ({
    timer,
    unref() {
      return this;
    },
    ref() {
      return this;
    },
  });
  const clear = (handle: unknown): void => {
    const { timer } = (handle ?? {}) as { timer?: { current: unknown } };
    if (timer !== undefined) clock.clearTimeout(timer.current);
  };
  Object.assign(globalThis, {
    setTimeout: (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
      handle({ current: clock.setTimeout(() => callback(...args), ms) }),
    setInterval: (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
      const timer: { current: unknown } = { current: undefined };
      const next = (): void => {
        timer.current = clock.setTimeout(() => {
          next();
          callback(...args);
        }, ms);
      };
      next();
      return handle(timer);
    },
    clearTimeout: clear,
    clearInterval: clear,
  });
  globalThis.Date = class extends realDate {
    constructor(...args: [] | [number]) {
      super(...(args.length === 0 ? ([clock.now()] as const) : args));
    }
    static override now(): number {
      return clock.now();
    }
  } as DateConstructor;
  performance.now = () => clock.now();
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
    globalThis.Date = realDate;
    performance.now = performanceNow;
  };
}

/** Random numbers that are the same in every run. */
export function seeded(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
