/** CPU of every process and server of a run while something is done, less what the same ones use when nobody calls. */
import { pause } from './pause.ts';
import type { Stage } from './stage.ts';

/** the door keeps a connection for four seconds that nobody uses, and its end is nobody's idling */
const connectionsEndMs = 5_000;
const idleMs = 6_000;

/** `front-2` and `front-3` are both `front`. */
export const roleOf = (process: string) => process.replace(/-\d+$/, '');

/** By process, in milliseconds of CPU for each millisecond that passes. */
export type Idling = ReadonlyMap<string, number>;

/** What everybody uses when nobody calls. */
export async function idlingOf(stage: Stage, kind: string): Promise<Idling> {
  const { recorder, meter, signal } = stage;
  await pause(connectionsEndMs, signal);
  const spent = await spentOn(stage, `${kind}: idle`, () => pause(idleMs, signal));
  meter.sample(recorder.phase);
  return new Map([...spent.cpuMs].map(([name, ms]) => [name, ms / spent.tookMs]));
}

/** By process, in milliseconds of CPU, of all that happens while `work` goes on. */
export async function spentOn(stage: Stage, phase: string, work: () => Promise<unknown>) {
  const { recorder, meter } = stage;
  // what was used until now belongs to the phase before
  meter.sample(recorder.phase);
  recorder.enter(phase);
  const begin = performance.now();
  await work();
  meter.sample(phase);
  const tookMs = performance.now() - begin;
  const cpuMs = new Map<string, number>();
  for (const { phase: of, process, cpuSeconds } of meter.figures) {
    if (of !== phase) continue;
    const name = roleOf(process);
    cpuMs.set(name, (cpuMs.get(name) ?? 0) + cpuSeconds * 1_000);
  }
  return { cpuMs, tookMs };
}

/** CPU of one of so many calls. */
export function perCall(
  { cpuMs, tookMs }: Awaited<ReturnType<typeof spentOn>>,
  calls: number,
  idling: Idling,
): Map<string, number> {
  return new Map(
    [...cpuMs].map(([name, ms]) => [name, (ms - tookMs * (idling.get(name) ?? 0)) / calls]),
  );
}
