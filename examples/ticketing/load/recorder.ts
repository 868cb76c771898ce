/** What happened to each request, by phase and kind, and second by second for the charts. */
import { build } from 'hdr-histogram-js';

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

const keptMistakes = 20;
/** of fewer requests the slowest hundredth is one or two, which say nothing */
const fewestForP99 = 200;

/** The requests of a phase and a kind. */
class Cell {
  readonly phase: string;
  readonly kind: string;
  readonly counts: Counts = { ok: 0, refused: 0, later: 0, wrong: 0 };
  /** hundredths of a millisecond, two digits: 20 KB */
  readonly histogram = build({
    highestTrackableValue: 12_000_000,
    numberOfSignificantValueDigits: 2,
  });

  constructor(phase: string, kind: string) {
    this.phase = phase;
    this.kind = kind;
  }

  add(outcome: Outcome, ms: number): void {
    this.counts[outcome] += 1;
    this.histogram.recordValue(Math.min(12_000_000, Math.max(0, Math.round(ms * 100))));
  }

  addAll({ counts, histogram }: Cell): void {
    this.histogram.add(histogram);
    for (const outcome of Object.keys(counts) as Outcome[]) this.counts[outcome] += counts[outcome];
  }

  summary(seconds: number): Summary {
    const { phase, kind, counts, histogram } = this;
    const at = (percent: number) => round(histogram.getValueAtPercentile(percent) / 100);
    const perSecond = seconds > 0 ? round(histogram.totalCount / seconds) : 0;
    const maxMs = round(histogram.maxValue / 100);
    return {
      phase,
      kind,
      counts,
      p50Ms: at(50),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs,
      perSecond,
    };
  }
}

export class Recorder {
  readonly marks: Mark[] = [];
  /** the first few wrong answers in words */
  readonly mistakes: string[] = [];
  readonly #begin = performance.now();
  readonly #cells = new Map<string, Cell>();
  readonly #seconds = new Map<number, { latencies: number[]; wrong: number; later: number }>();
  readonly #spans = new Map<string, number>();
  #phase = 'before';
  #enteredAt = 0;

  /** Seconds since the begin. */
  get now(): number {
    return (performance.now() - this.#begin) / 1_000;
  }
  get phase(): string {
    return this.#phase;
  }

  enter(phase: string): void {
    this.#spans.set(this.#phase, this.#secondsOf(this.#phase));
    this.#phase = phase;
    this.#enteredAt = this.now;
  }

  mark(text: string, forMs = 0): void {
    this.marks.push({ at: this.now, text, forMs });
  }

  /** `phase`: the one in which it was meant to start. */
  add(phase: string, kind: string, outcome: Outcome, ms: number, why = ''): void {
    const key = `${phase}\n${kind}`;
    const cell = this.#cells.get(key) ?? new Cell(phase, kind);
    this.#cells.set(key, cell);
    cell.add(outcome, ms);
    const at = Math.floor(this.now);
    const second = this.#seconds.get(at) ?? { latencies: [], wrong: 0, later: 0 };
    this.#seconds.set(at, second);
    second.latencies.push(ms);
    if (outcome === 'later') second.later += 1;
    if (outcome !== 'wrong') return;
    second.wrong += 1;
    if (this.mistakes.length < keptMistakes) {
      this.mistakes.push(
        `${this.now.toFixed(1)} s, ${phase}, ${kind}: ${why} after ${ms.toFixed(0)} ms`,
      );
    }
  }

  /** Of the phases and kinds that are accepted, together; by default of all. */
  total(accept: (phase: string, kind: string) => boolean = () => true): Summary {
    const sum = new Cell('all', 'all');
    for (const cell of this.#cells.values()) if (accept(cell.phase, cell.kind)) sum.addAll(cell);
    return sum.summary(this.now);
  }

  /** Of the phases that are accepted, the kind that was slowest in one of them; undefined when none had enough requests. */
  worst(accept: (phase: string) => boolean): (Summary & { count: number }) | undefined {
    return [...this.#cells.values()]
      .map((cell) => ({ ...cell.summary(0), count: cell.histogram.totalCount }))
      .filter(({ phase, count }) => accept(phase) && count >= fewestForP99)
      .sort((a, b) => b.p99Ms - a.p99Ms)[0];
  }

  /** Of all requests of a phase; undefined when they were too few. */
  p99Of(phase: string): number | undefined {
    const { counts, p99Ms } = this.total((name) => name === phase);
    const count = Object.values(counts).reduce((sum, one) => sum + one, 0);
    return count < fewestForP99 ? undefined : p99Ms;
  }

  get summaries(): Summary[] {
    return [...this.#cells.values()].map((cell) => cell.summary(this.#secondsOf(cell.phase)));
  }

  get series(): Second[] {
    return [...this.#seconds]
      .sort(([a], [b]) => a - b)
      .map(([at, { latencies, wrong, later }]) => {
        const sorted = Float64Array.from(latencies).sort();
        const quantile = (q: number) => round(sorted[Math.floor(q * (sorted.length - 1))] ?? 0);
        const count = latencies.length;
        return { at, count, wrong, later, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
      });
  }

  /** How long a phase has been; one may come again. */
  #secondsOf(phase: string): number {
    const since = phase === this.#phase ? this.now - this.#enteredAt : 0;
    return (this.#spans.get(phase) ?? 0) + since;
  }
}

const round = (value: number) => Math.round(value * 100) / 100;
