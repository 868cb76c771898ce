import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CircuitBreaker, type CircuitBreakerOptions, TestClock } from '../src/index.ts';
import { type Deferred, deferred } from './support.ts';

// The breaker as one would write it with lists and no regard for cost, from the prose of the README alone.

interface Rules {
  window: { type: 'time'; durationMs: number; buckets: number } | { type: 'count'; size: number };
  minimumCalls: number;
  failureRate: number | false;
  slow: { afterMs: number; rate: number | false } | false;
  badRate: number | false;
  consecutive: number | false;
  timeoutMs: number | false;
  open: { forMs: number; factor: number; maxMs: number; jitter: number };
  halfOpen: { probes: number; maxWaitMs: number };
}
interface ModelCall {
  id: number;
  startedAt: number;
  /** Which stay in a state it began in. */
  era: number;
  entry: { place: number; failed: boolean; slow: boolean } | undefined;
  slow: boolean;
}

const met = (part: number, whole: number, rate: number | false) =>
  rate !== false && part / whole >= rate;

class Model {
  now = 0;
  state: 'closed' | 'open' | 'half-open' = 'closed';
  since = 0;
  until = 0;
  era = 0;
  attempt = 0;
  consecutiveBad = 0;
  inFlight: ModelCall[] = [];
  entries: { place: number; failed: boolean; slow: boolean }[] = [];
  probing = 0;
  good = 0;
  lastProbeAt = 0;
  outcomes = new Map<number, string>();
  readonly rules: Rules;

  constructor(rules: Rules) {
    this.rules = rules;
  }

  get place(): number {
    const { window } = this.rules;
    return window.type === 'time' ? Math.floor(this.now / (window.durationMs / window.buckets)) : 0;
  }

  live() {
    const { window } = this.rules;
    if (window.type === 'count') return this.entries.slice(-window.size);
    return this.entries.filter((entry) => entry.place > this.place - window.buckets);
  }

  become(state: Model['state']): void {
    this.state = state;
    this.since = this.now;
    this.era += 1;
    this.entries = [];
    this.consecutiveBad = 0;
    this.probing = this.good = 0;
  }

  open(): void {
    const { open, window } = this.rules;
    if (this.state === 'closed') {
      const healthyMs = window.type === 'time' ? window.durationMs : open.maxMs;
      for (let t = this.since + healthyMs; t <= this.now && this.attempt > 0; t += healthyMs) {
        this.attempt -= 1;
      }
    }
    this.attempt += 1;
    this.become('open');
    this.until = this.now + Math.min(open.maxMs, open.forMs * open.factor ** (this.attempt - 1));
  }

  look(): void {
    if (this.state === 'open' && this.now >= this.until) this.become('half-open');
  }

  start(id: number): boolean {
    this.look();
    const { probes, maxWaitMs } = this.rules.halfOpen;
    if (this.state === 'open') return false;
    if (this.state === 'half-open') {
      const room = this.good === 0 ? 1 : probes - this.good;
      if (this.probing >= room && this.now - this.lastProbeAt >= maxWaitMs) {
        this.era += 1;
        this.probing = 0;
      }
      if (this.probing >= room) return false;
      this.probing += 1;
      this.lastProbeAt = this.now;
    }
    const { era, now } = this;
    this.inFlight.push({ id, startedAt: now, era, entry: undefined, slow: false });
    return true;
  }

  bad(call: ModelCall, failed: boolean, slow: boolean): void {
    if (call.era !== this.era) return;
    if (this.state === 'half-open') {
      this.open();
      return;
    }
    if (call.entry !== undefined && this.live().includes(call.entry)) call.entry.failed ||= failed;
    else {
      if (call.entry === undefined) this.consecutiveBad += 1;
      call.entry = { place: this.place, failed, slow: slow || call.slow };
      this.entries.push(call.entry);
    }
    this.judge();
  }

  judge(): void {
    const { consecutive, minimumCalls, failureRate, slow, badRate } = this.rules;
    const live = this.live();
    const slowRate = slow === false ? false : slow.rate;
    const enough = live.length >= minimumCalls;
    const count = (having: (entry: { failed: boolean; slow: boolean }) => boolean) =>
      live.filter(having).length;
    if (
      (consecutive !== false && this.consecutiveBad >= consecutive) ||
      (enough &&
        met(
          count((e) => e.failed),
          live.length,
          failureRate,
        )) ||
      (enough &&
        met(
          count((e) => e.slow),
          live.length,
          slowRate,
        )) ||
      (enough &&
        met(
          count((e) => e.failed || e.slow),
          live.length,
          badRate,
        ))
    ) {
      this.open();
    }
  }

  end(call: ModelCall, outcome: string): void {
    this.inFlight = this.inFlight.filter((other) => other !== call);
    this.outcomes.set(call.id, outcome);
  }

  settle(id: number, how: 'good' | 'bad' | 'ignored'): void {
    const call = this.inFlight.find((one) => one.id === id);
    if (call === undefined) return;
    this.end(call, how);
    if (how === 'bad') this.bad(call, true, false);
    else if (call.era === this.era) {
      if (this.state === 'half-open') {
        this.probing -= 1;
        if (how === 'good') this.good += 1;
        if (this.good >= this.rules.halfOpen.probes) this.become('closed');
      } else if (how === 'good' && !call.slow) this.addGood(call);
    }
  }

  /** A good call counts where it started, or now when that is no longer in the window. */
  addGood(call: ModelCall): void {
    const { window } = this.rules;
    let { place } = this;
    if (window.type === 'time') {
      const started = Math.floor(call.startedAt / (window.durationMs / window.buckets));
      if (started > this.place - window.buckets) place = started;
    }
    this.entries.push({ place, failed: false, slow: false });
    this.consecutiveBad = 0;
    if (this.live().some((entry) => entry.failed || entry.slow)) this.judge();
  }

  advance(ms: number): void {
    const end = this.now + ms;
    const slowMs = this.rules.slow === false ? Infinity : this.rules.slow.afterMs;
    const timeoutMs = this.rules.timeoutMs === false ? Infinity : this.rules.timeoutMs;
    for (;;) {
      const deadlines = this.inFlight.flatMap((call) => [
        call.slow ? Infinity : call.startedAt + slowMs,
        call.startedAt + timeoutMs,
      ]);
      const next = Math.min(...deadlines, Infinity);
      if (next > end) break;
      this.now = next;
      for (const call of this.inFlight.filter((c) => !c.slow && c.startedAt + slowMs <= next)) {
        call.slow = true;
        this.bad(call, false, true);
      }
      for (const call of this.inFlight.filter((c) => c.startedAt + timeoutMs <= next)) {
        this.end(call, 'timeout');
        this.bad(call, true, false);
      }
    }
    this.now = end;
  }
}

const rate = fc.constantFrom(false as const, 0.1, 0.3, 0.5, 1);
const rules: fc.Arbitrary<Rules> = fc.record({
  window: fc.oneof(
    fc.record({
      type: fc.constant('time' as const),
      durationMs: fc.constantFrom(300, 1_000, 5_000),
      buckets: fc.constantFrom(1, 3, 10),
    }),
    fc.record({ type: fc.constant('count' as const), size: fc.integer({ min: 10, max: 30 }) }),
  ),
  minimumCalls: fc.integer({ min: 1, max: 10 }),
  failureRate: rate,
  slow: fc.oneof(
    fc.constant(false as const),
    fc.record({ afterMs: fc.integer({ min: 50, max: 600 }), rate }),
  ),
  badRate: rate,
  consecutive: fc.oneof(fc.constant(false as const), fc.integer({ min: 1, max: 6 })),
  timeoutMs: fc.oneof(fc.constant(false as const), fc.integer({ min: 50, max: 900 })),
  open: fc.record({
    forMs: fc.integer({ min: 10, max: 500 }),
    factor: fc.constantFrom(1, 2),
    maxMs: fc.constantFrom(500, 2_000),
    jitter: fc.constant(0),
  }),
  halfOpen: fc.record({
    probes: fc.integer({ min: 1, max: 4 }),
    maxWaitMs: fc.integer({ min: 100, max: 1_000 }),
  }),
});

type Step =
  | { do: 'start' | 'look' }
  | { do: 'good' | 'bad' | 'ignored' | 'abort'; nth: number }
  | { do: 'advance'; ms: number };

const nth = fc.nat(40);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('start' as const) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('look' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('good' as const), nth }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('bad' as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ignored' as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), nth }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(700) }) },
);

it('does what the model does at every step of any schedule', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(rules, fc.array(step, { maxLength: 80 }), async (chosen, steps) => {
      const clock = new TestClock();
      const options: CircuitBreakerOptions = {
        name: 'model',
        clock,
        ...chosen,
        classify: (error) => (error === 'ignored' ? 'ignore' : undefined),
      };
      const breaker = new CircuitBreaker(options);
      const model = new Model(chosen);
      const calls: { work: Deferred<string>; abort: AbortController }[] = [];
      const outcomes = new Map<number, string>();
      for (const action of steps) {
        if (action.do === 'advance') {
          clock.advance(action.ms);
          model.advance(action.ms);
        } else if (action.do === 'start') {
          const id = calls.length;
          const work = deferred<string>();
          const abort = new AbortController();
          work.promise.catch(() => {});
          calls.push({ work, abort });
          let started = false;
          breaker
            .execute(
              () => {
                started = true;
                return work.promise;
              },
              // Half of the calls have a signal of their caller: the two ways through the breaker differ.
              id % 2 === 0 ? { signal: abort.signal } : undefined,
            )
            .then(
              (value) => outcomes.set(id, value),
              (error) => outcomes.set(id, error?.code === 'ERR_CALL_TIMEOUT' ? 'timeout' : error),
            );
          expect(started).toBe(model.start(id));
          if (!started) work.reject('refused');
        } else if ('nth' in action && calls.length > 0) {
          const id = action.nth % calls.length;
          const { work, abort } = calls[id] as (typeof calls)[number];
          if (action.do === 'good') work.resolve('good');
          else if (action.do === 'abort') abort.abort('ignored');
          else work.reject(action.do);
          // An abort without effect (no signal given) leaves the call in flight.
          if (action.do !== 'abort' || id % 2 === 0) {
            model.settle(id, action.do === 'abort' ? 'ignored' : action.do);
          }
        }
        for (let tick = 0; tick < 4; tick += 1) await null;
        for (const [id, outcome] of model.outcomes) expect(outcomes.get(id)).toBe(outcome);
        // Looking brings the breaker up to date, so it is looked at now and then only.
        if (action.do !== 'look') continue;
        model.look();
        const { state, inFlight, window, consecutiveBad, attempt } = breaker.snapshot();
        const live = model.live();
        expect({ state, inFlight, consecutiveBad, attempt }).toEqual({
          state: model.state,
          inFlight: model.inFlight.length,
          consecutiveBad: model.consecutiveBad,
          attempt: model.attempt,
        });
        expect(window).toMatchObject({
          calls: live.length,
          failed: live.filter((entry) => entry.failed).length,
          slow: live.filter((entry) => entry.slow).length,
          bad: live.filter((entry) => entry.failed || entry.slow).length,
        });
      }
      for (const { work } of calls) work.resolve('good');
    }),
    { numRuns: 2_000 },
  );
});
