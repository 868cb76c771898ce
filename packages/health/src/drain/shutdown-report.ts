import type { ShutdownPhase } from './phases.ts';

/** Something that had not ended when its time was up. */
export interface CutWork {
  readonly phase: ShutdownPhase;
  /** A request (`POST /orders`), the name of tracked work, or a step (`worker.drain`, `db[0]`). */
  readonly what: string;
}

/** Something that failed on the way down, without secrets. */
export interface FailedStep {
  readonly phase: ShutdownPhase | 'process';
  readonly what: string;
  readonly error: string;
}

/** How a shutdown went. */
export interface ShutdownReport {
  readonly reason: string;
  readonly durationMs: number;
  readonly cut: readonly CutWork[];
  readonly failed: readonly FailedStep[];
  /** 0 when nothing was cut and nothing failed, else 1. */
  readonly exitCode: 0 | 1;
}

/** The lines for a person who reads the log of a pod that is gone. */
export function linesOf(report: ShutdownReport): readonly string[] {
  if (report.exitCode === 0) return [];
  const after = `after ${Math.round(report.durationMs)} ms`;
  return [
    `shutdown (${report.reason}) ended ${after} with ${report.cut.length} cut, ${report.failed.length} failed`,
    ...report.cut.map(({ phase, what }) => `  cut in ${phase}: ${what}`),
    ...report.failed.map(({ phase, what, error }) => `  failed in ${phase}: ${what}: ${error}`),
  ];
}
