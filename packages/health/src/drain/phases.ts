import { unknownOption } from '../known-options.ts';
import { requireFunction, requireNumber } from '../options.ts';

/** The order in which a process takes itself down: first what brings work in, last what reports on it. */
export const PHASES = ['jobs', 'consumers', 'http', 'caches', 'db', 'telemetry'] as const;

/** One phase of a shutdown. */
export type ShutdownPhase = (typeof PHASES)[number];

/** One thing to do in a phase; the signal is aborted when the phase's time is up. */
export type ShutdownStep = (signal: AbortSignal) => unknown;

/** The steps of every phase. */
export type ShutdownPhases = Partial<Record<ShutdownPhase, readonly ShutdownStep[]>>;

/** The most time that each phase may take, in ms. */
export type ShutdownCaps = Readonly<Record<ShutdownPhase, number>>;

/** Of 14 parts of the grace period. `http` runs beside `jobs` and `consumers`, the rest one after the other. */
const SHARES: ShutdownCaps = { jobs: 9, consumers: 2, http: 11, caches: 1, db: 1, telemetry: 1 };
const PARTS = 14;

/** When, in ms from the first moment, the phases that take work in must have ended. */
export function workMsOf(caps: ShutdownCaps): number {
  return Math.max(caps.jobs + caps.consumers, caps.http);
}

/** Decides the cap of every phase. Throws TypeError for an unknown phase, RangeError when they do not fit into the grace period together. */
export function planCaps(
  graceMs: number,
  wanted: Partial<Record<ShutdownPhase, number>>,
): ShutdownCaps {
  const cap = (phase: ShutdownPhase) =>
    requireNumber(`capsMs.${phase}`, wanted[phase] ?? (graceMs * SHARES[phase]) / PARTS, 0);
  for (const name of Object.keys(wanted)) requirePhase('capsMs', name);
  const caps: ShutdownCaps = {
    jobs: cap('jobs'),
    consumers: cap('consumers'),
    http: cap('http'),
    caches: cap('caches'),
    db: cap('db'),
    telemetry: cap('telemetry'),
  };
  const totalMs = Math.round(workMsOf(caps) + caps.caches + caps.db + caps.telemetry);
  if (totalMs > Math.ceil(graceMs)) {
    throw new RangeError(
      `Expected \`capsMs\` to fit into \`graceMs\` (the longer of jobs + consumers and http, then caches, db, telemetry: at most ${graceMs}), got ${totalMs}`,
    );
  }
  return caps;
}

/** Copies the steps. Throws TypeError for an unknown phase and for a step that is not a function. */
export function planPhases(phases: ShutdownPhases): ReadonlyMap<ShutdownPhase, ShutdownStep[]> {
  const plan = new Map<ShutdownPhase, ShutdownStep[]>();
  for (const [name, steps] of Object.entries(phases)) {
    requirePhase('phases', name);
    if (!Array.isArray(steps)) throw new TypeError(`Expected \`phases.${name}\` to be an array`);
    plan.set(name, [...steps.map((step) => requireFunction(`phases.${name}`, step))]);
  }
  return plan;
}

function requirePhase(field: string, name: string): asserts name is ShutdownPhase {
  if (!(PHASES as readonly string[]).includes(name)) {
    throw unknownOption(name, PHASES, `${field}.`);
  }
}
