import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CountWindow } from '../src/count-window.ts';
import { TimeWindow } from '../src/time-window.ts';
import { type CallWindow, FAILED, type Verdict } from '../src/window.ts';

interface Entry {
  mark: number;
  verdict: number;
}

/** The same windows as a plain list that is filtered and counted anew each time. */
abstract class NaiveWindow {
  entries: Entry[] = [];
  mark = 0;
  abstract live(): Entry[];
  abstract push(mark: number, verdict: number): number;

  counts() {
    const live = this.live();
    const having = (mask: number) => live.filter((entry) => (entry.verdict & mask) !== 0).length;
    return { calls: live.length, failed: having(1), slow: having(2), bad: having(3) };
  }

  amend(mark: number, entry: Entry | undefined): boolean {
    if (entry === undefined || !this.live().includes(entry)) return false;
    expect(entry.mark).toBe(mark);
    entry.verdict |= FAILED;
    return true;
  }
}

class NaiveTimeWindow extends NaiveWindow {
  readonly bucketMs: number;
  readonly buckets: number;
  constructor(durationMs: number, buckets: number) {
    super();
    this.bucketMs = durationMs / buckets;
    this.buckets = buckets;
  }
  advance(now: number) {
    this.mark = Math.floor(now / this.bucketMs);
  }
  live() {
    return this.entries.filter((entry) => entry.mark > this.mark - this.buckets);
  }
  push(mark: number, verdict: number) {
    const inside = mark > this.mark - this.buckets ? mark : this.mark;
    this.entries.push({ mark: inside, verdict });
    return inside;
  }
}

class NaiveCountWindow extends NaiveWindow {
  readonly size: number;
  constructor(size: number) {
    super();
    this.size = size;
  }
  advance() {}
  live() {
    return this.entries.slice(-this.size);
  }
  push(_mark: number, verdict: number) {
    this.entries.push({ mark: this.mark, verdict });
    this.mark += 1;
    return this.mark - 1;
  }
}

type Step =
  | { do: 'advance'; ms: number }
  | { do: 'good'; age: number }
  | { do: 'bad'; verdict: Verdict }
  | { do: 'amend'; nth: number }
  | { do: 'clear' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat(100_000) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('good'), age: fc.nat(14) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('bad'), verdict: fc.constantFrom(1, 2, 3) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('amend'), nth: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear') }) },
) as fc.Arbitrary<Step>;

function compare(real: CallWindow, naive: NaiveTimeWindow | NaiveCountWindow, steps: Step[]): void {
  let now = 0;
  let slowMarks: { mark: number; entry: Entry | undefined }[] = [];
  real.advance(now);
  for (const action of steps) {
    if (action.do === 'advance') {
      now += action.ms;
      real.advance(now);
      naive.advance(now);
    } else if (action.do === 'good') {
      const startMark = Math.max(0, real.mark - action.age);
      real.addGood(startMark);
      naive.push(startMark, 0);
    } else if (action.do === 'bad') {
      const mark = real.addBad(action.verdict);
      expect(mark).toBe(naive.push(naive.mark, action.verdict));
      if (action.verdict === 2) slowMarks.push({ mark, entry: naive.entries.at(-1) });
    } else if (action.do === 'amend') {
      const [slow] = slowMarks.splice(action.nth % Math.max(1, slowMarks.length), 1);
      if (slow !== undefined)
        expect(real.amend(slow.mark)).toBe(naive.amend(slow.mark, slow.entry));
    } else {
      real.clear();
      naive.entries = [];
      slowMarks = [];
    }
    const { calls, failed, slow, bad } = real;
    expect({ calls, failed, slow, bad }).toEqual(naive.counts());
  }
}

describe('windows', () => {
  it('the time window equals a naive list at every step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 50, max: 3_000 }),
        fc.array(step, { maxLength: 120 }),
        (buckets, durationMs, steps) => {
          compare(
            new TimeWindow(durationMs, buckets),
            new NaiveTimeWindow(durationMs, buckets),
            steps,
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('the count window equals a naive list at every step', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }),
        fc.array(step, { maxLength: 200 }),
        (size, steps) => {
          compare(new CountWindow(size), new NaiveCountWindow(size), steps);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('a time window is empty after any silence longer than itself, in one step', () => {
    const window = new TimeWindow(10_000, 10);
    window.advance(0);
    for (let i = 0; i < 100; i += 1) window.addBad(1);
    window.advance(1e12);
    expect(window).toMatchObject({ calls: 0, failed: 0, bad: 0 });
  });
});
