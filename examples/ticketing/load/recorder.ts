/** What happened to each request, by phase and kind, and second by second for the charts. */
import { build, type Histogram } from 'hdr-histogram-js';

/**
 * `ok`: the right answer. `refused`: a true no, such as a seat that is taken. `later`: a clean "try
 * again" within 200 ms. `wrong`: everything else, silence included.
 */
export type Outcome = 'ok' | 'refused' | 'later' | 'wrong';
export type Counts = Record<Outcome, number>;
export type Summary = {
  phase: string;
  kind: string;
  counts: Counts;
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  maxMs: number;
  perSecond: number;
};
export type Second = {
  at: number;
  count: number;
  wrong: number;
  later: number;
  p50Ms: number;
  p99Ms: number;
};
export type Mark = { at: number; text: string; forMs: number };

const none = (): Counts => ({ ok: 0, refused: 0, later: 0, wrong: 0 });
const keptMistakes = 20;

export class Recorder {
  readonly marks: Mark[] = [];
  /** the first few wrong answers in words */
  readonly mistakes: string[] = [];
  readonly #begin = performance.now();
  readonly #cells = new Map<
    string,
    { phase: string; kind: string; counts: Counts; histogram: Histogram }
  >();
  readonly #seconds = new Map<number, { latencies: number[]; wrong: number; later: number }>();
  readonly #spans = new Map<string, { from: number; until: number }>();
  #phase = 'before';

  /** Seconds since the begin. */
  get now(): number {
    return (performance.now() - this.#begin) / 1_000;
  }
  get phase(): string {
    return this.#phase;
  }

  enter(phase: string): void {
    const { now } = this;
    const before = this.#spans.get(this.#phase);
    if (before) before.until = now;
    this.#phase = phase;
    this.#spans.set(phase, { from: now, until: now });
  }

  mark(text: string, forMs = 0): void {
    this.marks.push({ at: this.now, text, forMs });
  }

  /** `phase`: the one in which it was meant to start. */
  add(phase: string, kind: string, outcome: Outcome, ms: number, why = ''): void {
    const key = `${phase}\n${kind}`;
    let cell = this.#cells.get(key);
    if (!cell) {
      // hundredths of a millisecond, two digits: 20 KB a histogram
      const histogram = build({
        highestTrackableValue: 12_000_000,
        numberOfSignificantValueDigits: 2,
      });
      cell = { phase, kind, counts: none(), histogram };
      this.#cells.set(key, cell);
    }
    cell.counts[outcome] += 1;
    cell.histogram.recordValue(Math.min(12_000_000, Math.max(0, Math.round(ms * 100))));
    const second = this.#second();
    second.latencies.push(ms);
    if (outcome === 'wrong') second.wrong += 1;
    if (outcome === 'later') second.later += 1;
    if (outcome === 'wrong' && this.mistakes.length < keptMistakes) {
      this.mistakes.push(
        `${this.now.toFixed(1)} s, ${phase}, ${kind}: ${why} after ${ms.toFixed(0)} ms`,
      );
    }
  }

  /** `kinds`: only those. All phases and kinds together when nothing is asked for. */
  total(accept: (phase: string, kind: string) => boolean = () => true): Summary {
    const sum = build({ highestTrackableValue: 12_000_000, numberOfSignificantValueDigits: 2 });
    const counts = none();
    for (const cell of this.#cells.values()) {
      if (!accept(cell.phase, cell.kind)) continue;
      sum.add(cell.histogram);
      for (const outcome of Object.keys(counts) as Outcome[])
        counts[outcome] += cell.counts[outcome];
    }
    return this.#summary('all', 'all', counts, sum, this.now);
  }

  get summaries(): Summary[] {
    return [...this.#cells.values()].map(({ phase, kind, counts, histogram }) => {
      const { from = 0, until = 0 } = this.#spans.get(phase) ?? {};
      return this.#summary(
        phase,
        kind,
        counts,
        histogram,
        (until > from ? until : this.now) - from,
      );
    });
  }

  get series(): Second[] {
    return [...this.#seconds]
      .sort(([a], [b]) => a - b)
      .map(([at, { latencies, wrong, later }]) => {
        const sorted = Float64Array.from(latencies).sort();
        const quantile = (q: number) => round(sorted[Math.floor(q * (sorted.length - 1))] ?? 0);
        return {
          at,
          count: latencies.length,
          wrong,
          later,
          p50Ms: quantile(0.5),
          p99Ms: quantile(0.99),
        };
      });
  }

  #second() {
    const at = Math.floor(this.now);
    let second = this.#seconds.get(at);
    if (!second) {
      second = { latencies: [], wrong: 0, later: 0 };
      this.#seconds.set(at, second);
    }
    return second;
  }

  #summary(
    phase: string,
    kind: string,
    counts: Counts,
    histogram: Histogram,
    seconds: number,
  ): Summary {
    const at = (percent: number) => round(histogram.getValueAtPercentile(percent) / 100);
    const all = counts.ok + counts.refused + counts.later + counts.wrong;
    return {
      phase,
      kind,
      counts,
      p50Ms: at(50),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: round(histogram.maxValue / 100),
      perSecond: seconds > 0 ? round(all / seconds) : 0,
    };
  }
}

const round = (value: number) => Math.round(value * 100) / 100;
