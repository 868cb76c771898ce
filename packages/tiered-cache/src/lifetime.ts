import type { Settings } from './settings.ts';

/** For how long Redis keeps an entry: fresh until when, and for how long in all. */
export interface Lifetime {
  readonly freshUntilMs: number;
  readonly lifeMs: number;
}

/** Times of an entry in the local tier, ms of the clock. */
export interface LocalTimes {
  /** Past it the value may only stand in, until `staleUntilMs`. */
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  /** Past it the next read refreshes the value in the background. */
  readonly earlyAtMs: number;
}

/** Jitter only shortens: no value is fresh for longer than was asked for. `undefined` never stands in. */
export function lifetimeOf(settings: Settings, ttlMs: number, value: unknown): Lifetime {
  const { clock, graceMs, jitter, random } = settings;
  const jittered = Math.max(1, Math.floor(ttlMs * (1 - jitter * random())));
  const lifeMs = value === undefined ? jittered : jittered + graceMs;
  return { freshUntilMs: Math.floor(clock.now()) + jittered, lifeMs };
}

/** The times of the same entry in the local tier. */
export function localTimes(
  settings: Settings,
  { freshUntilMs, loadMs, value }: { freshUntilMs: number; loadMs: number; value: unknown },
): LocalTimes {
  const { clock, localTtlMs, graceMs } = settings;
  return {
    freshUntilMs: Math.min(freshUntilMs, clock.now() + localTtlMs),
    staleUntilMs: value === undefined ? freshUntilMs : freshUntilMs + graceMs,
    earlyAtMs: earlyAt(settings, freshUntilMs, loadMs),
  };
}

/**
 * XFetch: when this process refreshes an entry before it expires, drawn once for each copy of it, so
 * that a hit only compares two numbers. The longer a load takes, the earlier; of many processes one
 * comes first, alone.
 *
 * @see https://cseweb.ucsd.edu/~avattani/papers/cache_stampede.pdf Vattani, Chierichetti, Lowenstein, 2015
 */
function earlyAt({ earlyRefresh, random }: Settings, freshUntilMs: number, loadMs: number): number {
  if (earlyRefresh === 0 || loadMs === 0) return Number.POSITIVE_INFINITY;
  return freshUntilMs + loadMs * earlyRefresh * Math.log(Math.max(random(), 1e-6));
}
