import type { Claim } from './claims.ts';
import type { ProcessFigures } from './proc.ts';
import type { Mark, Second, Summary } from './recorder.ts';
import type { Table } from './sizing.ts';
import type { Sample, Stage } from './stage.ts';

export type Curve = { title: string; points: [x: number, y: number][] };

/** What a scenario leaves: claims, and the raw figures that the page draws. */
export type ScenarioResult = {
  name: string;
  seconds: number;
  /** names and versions of the servers it ran on */
  servers: string[];
  claims: Claim[];
  /** what is worth knowing beside the claims */
  notes: string[];
  summaries: Summary[];
  series: Second[];
  marks: Mark[];
  samples: Sample[];
  processes: ProcessFigures[];
  /** charts and tables that only this scenario has */
  curves: Curve[];
  tables: Table[];
  mistakes: string[];
};

/** `paid 3, declined 1` of how each one ended. */
export const counted = (ends: readonly string[]): string =>
  [...new Set(ends)].map((how) => `${how} ${ends.filter((end) => end === how).length}`).join(', ');

export function resultOf(
  name: string,
  {
    recorder,
    samples,
    meter,
    servers,
  }: Pick<Stage, 'recorder' | 'samples' | 'meter'> & {
    servers: { versions: string[] };
  },
  claims: Claim[],
  notes: string[] = [],
  { curves = [], tables = [] }: { curves?: Curve[]; tables?: Table[] } = {},
): ScenarioResult {
  return {
    name,
    seconds: Math.round(recorder.now),
    servers: servers.versions,
    claims,
    notes,
    summaries: recorder.summaries,
    series: recorder.series,
    marks: recorder.marks,
    samples,
    processes: meter.figures,
    curves,
    tables,
    mistakes: recorder.mistakes,
  };
}
