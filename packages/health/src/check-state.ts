/**
 * What one check is believed to be, from the sequence of its results.
 *
 *     unknown --pass--> healthy --failAfter failures in a row--> unhealthy
 *        |                 ^                                         |
 *        |                 '------ recoverAfter x damping passes ----'
 *        '------fail------> unhealthy
 *
 * The first result is believed at once: nobody may call an instance healthy that never was.
 * `falls` are the times of the falls to unhealthy inside the flap window, newest last.
 */
export type CheckState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'healthy'; readonly failures: number; readonly falls: readonly number[] }
  | { readonly kind: 'unhealthy'; readonly passes: number; readonly falls: readonly number[] };

/** How many results in a row change the state, and how long a fall is remembered against it. */
export interface Damping {
  readonly failAfter: number;
  readonly recoverAfter: number;
  readonly flapWindowMs: number;
}

/** More falls than this do not raise the price of recovery any further (x8). */
const MAX_FALLS = 4;

function recent(falls: readonly number[], now: number, windowMs: number): readonly number[] {
  return falls.filter((at) => now - at < windowMs).slice(-MAX_FALLS);
}

/**
 * Passes in a row that an unhealthy check needs: doubled by each further fall inside the window,
 * so that a dependency which comes and goes does not take the instance in and out with it.
 */
export function passesToRecover(falls: readonly number[], now: number, damping: Damping): number {
  const count = recent(falls, now, damping.flapWindowMs).length;
  return damping.recoverAfter * 2 ** Math.max(0, count - 1);
}

/** The state after one more result. Pure; O(1), at most four falls are kept. */
export function observe(state: CheckState, ok: boolean, now: number, damping: Damping): CheckState {
  if (state.kind === 'unknown') {
    return ok
      ? { kind: 'healthy', failures: 0, falls: [] }
      : { kind: 'unhealthy', passes: 0, falls: [] };
  }
  if (state.kind === 'healthy') {
    if (ok) return { ...state, failures: 0 };
    const failures = state.failures + 1;
    if (failures < damping.failAfter) return { ...state, failures };
    const falls = recent([...state.falls, now], now, damping.flapWindowMs);
    return { kind: 'unhealthy', passes: 0, falls };
  }
  const passes = ok ? state.passes + 1 : 0;
  if (passes < passesToRecover(state.falls, now, damping)) return { ...state, passes };
  return { kind: 'healthy', failures: 0, falls: recent(state.falls, now, damping.flapWindowMs) };
}
