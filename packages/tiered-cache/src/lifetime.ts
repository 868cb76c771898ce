import type { Settings } from './settings.ts';

/** For how long Redis keeps an entry: fresh until when, and for how long in all. */
export interface Lifetime {
  readonly freshUntilMs: number;
  readonly lifeMs: number;
}

/** Jitter only shortens: no value is fresh for longer than was asked for. */
export function lifetimeOf(settings: Settings, ttlMs: number): Lifetime {
  const { clock, graceMs, jitter, random } = settings;
  const jittered = Math.max(1, Math.floor(ttlMs * (1 - jitter * random())));
  return { freshUntilMs: Math.floor(clock.now()) + jittered, lifeMs: jittered + graceMs };
}

/** The times of the same entry in the local tier. */
export function localTimes(settings: Settings, freshUntilMs: number) {
  const { clock, localTtlMs, graceMs } = settings;
  return {
    freshUntilMs: Math.min(freshUntilMs, clock.now() + localTtlMs),
    staleUntilMs: freshUntilMs + graceMs,
  };
}
