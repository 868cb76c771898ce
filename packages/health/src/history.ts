import type { HealthStatus } from './report.ts';

/** One change of a check's status. */
export interface HistoryChange {
  /** ISO 8601. */
  readonly at: string;
  readonly from: HealthStatus | 'unknown';
  readonly to: HealthStatus;
  readonly reason?: string;
}

/** How a check has done lately. Times in ms; 0 before the first run. */
export interface CheckHistory {
  /** Runs ever, and those of them that failed. */
  readonly runs: number;
  readonly failures: number;
  /** Of the last 256 runs, failed ones with the time after which they were given up. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The last 20, oldest first. */
  readonly changes: readonly HistoryChange[];
}

const RUNS = 256;
const CHANGES = 20;

/** A ring of the last durations: 1 KiB a check, O(1) a run; percentiles are computed when somebody asks. */
export class History {
  readonly #durations = new Float32Array(RUNS);
  readonly #changes: HistoryChange[] = [];
  #runs = 0;
  #failures = 0;

  addRun(ok: boolean, durationMs: number): void {
    this.#durations[this.#runs++ % RUNS] = durationMs;
    if (!ok) this.#failures++;
  }

  addChange(change: HistoryChange): void {
    this.#changes.push(change);
    if (this.#changes.length > CHANGES) this.#changes.shift();
  }

  summary(): CheckHistory {
    const kept = this.#durations.slice(0, Math.min(this.#runs, RUNS)).sort();
    // The nearest rank: the smallest duration that at least so many of the runs did not exceed.
    const at = (ratio: number) =>
      Math.round((kept[Math.max(0, Math.ceil(ratio * kept.length) - 1)] ?? 0) * 100) / 100;
    return {
      runs: this.#runs,
      failures: this.#failures,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      maxMs: at(1),
      changes: [...this.#changes],
    };
  }
}
