import type { Claim } from './claims.ts';
import type { ProcessFigures } from './proc.ts';
import type { Mark, Recorder, Second, Summary } from './recorder.ts';
import type { Sample, Stage } from './stage.ts';

/** What a scenario leaves: claims, and the raw figures that the page draws. */
export type ScenarioResult = {
  name: string;
  seconds: number;
  claims: Claim[];
  /** what is worth knowing beside the claims */
  notes: string[];
  summaries: Summary[];
  series: Second[];
  marks: Mark[];
  samples: Sample[];
  processes: ProcessFigures[];
  mistakes: string[];
};

export function resultOf(
  name: string,
  { recorder, samples, meter }: { recorder: Recorder } & Pick<Stage, 'samples' | 'meter'>,
  claims: Claim[],
  notes: string[] = [],
): ScenarioResult {
  return {
    name,
    seconds: Math.round(recorder.now),
    claims,
    notes,
    summaries: recorder.summaries,
    series: recorder.series,
    marks: recorder.marks,
    samples,
    processes: meter.figures,
    mistakes: recorder.mistakes,
  };
}
