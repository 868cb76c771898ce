import type { Damping } from './check-state.ts';
import { knownOptions } from './known-options.ts';
import {
  requireFunction,
  requireInteger,
  requireMethods,
  requireNumber,
  requireOneOf,
  requireText,
} from './options.ts';

/**
 * Whom a failing dependency hurts: `local` this instance alone (its disk, its event loop, its own pool),
 * `shared` every instance at once (the database, the broker).
 */
export type CheckScope = 'local' | 'shared';

/** Asks one question of one dependency: resolves when well (with small plain data), rejects when unwell. */
export type CheckFunction = (signal: AbortSignal) => unknown;

/**
 * Something that can be checked: the shape that the ready checks, and other packages' `healthCheck()`, have.
 *
 * - `check(signal)`: resolves with small plain data when well, rejects when unwell; the signal is aborted
 *   when the budget is used up.
 * - `name`: used when the check is registered without one.
 * - `scope`: the default of the option of the same name.
 * - `close()`: gives back what the check opened for itself; called by `health.close()`.
 */
export interface CheckSource {
  readonly name?: string;
  readonly scope?: CheckScope;
  check(signal: AbortSignal): unknown;
  close?(): Promise<void> | void;
}

/** How one check is run, and what its results do. */
export interface CheckOptions {
  /** The groups that it decides on: `liveness`, `readiness`, `startup` or names of your own; default `['readiness']`. */
  readonly groups?: readonly string[];
  /** A `local` failure takes the instance out of a group; a `shared` one degrades it, still in service; default the source's, else `local`. */
  readonly scope?: CheckScope;
  /** Budget of one run in ms; default 500. */
  readonly timeoutMs?: number;
  /** A run at least this slow, in ms, is a warning; default 200, or the budget if that is less. */
  readonly warnMs?: number;
  /** How long, in ms, a result is given out before a probe runs the check again; default 1,000. Not with `intervalMs`. */
  readonly ttlMs?: number;
  /** Runs the check in the background every so many ms instead, at least `timeoutMs`; default: only when probed. */
  readonly intervalMs?: number;
  /** Failures in a row that make a healthy check unhealthy; default 3. The very first result counts at once. */
  readonly failAfter?: number;
  /** Passes in a row that make an unhealthy check healthy again; default 2. */
  readonly recoverAfter?: number;
  /** Each further fall within so many ms doubles `recoverAfter`, at most eightfold; default 60,000; 0 turns it off. */
  readonly flapWindowMs?: number;
  /** Without a good answer for so many ms the check fails; default `failAfter` (at least 3) intervals and a budget, without an interval at least 60,000. */
  readonly staleAfterMs?: number;
}

/** A registered check with every option decided. */
export interface CheckPlan extends Damping {
  readonly name: string;
  readonly groups: readonly string[];
  readonly scope: CheckScope;
  readonly timeoutMs: number;
  readonly warnMs: number;
  readonly ttlMs: number;
  readonly intervalMs: number | undefined;
  readonly staleAfterMs: number;
}

const NAME = /^[A-Za-z][\w.:-]{0,63}$/;
const GROUP = /^[a-z][a-z0-9-]{0,31}$/;
const DAY_MS = 86_400_000;

const OPTIONS: Readonly<Record<keyof CheckOptions, true>> = {
  groups: true,
  scope: true,
  timeoutMs: true,
  warnMs: true,
  ttlMs: true,
  intervalMs: true,
  failAfter: true,
  recoverAfter: true,
  flapWindowMs: true,
  staleAfterMs: true,
};

/** Decides every option of a check. Throws TypeError or RangeError naming field, rule and value. */
export function planCheck(name: unknown, source: CheckSource, options: CheckOptions): CheckPlan {
  knownOptions(options, OPTIONS);
  const checkName = requireText(
    'name',
    name,
    NAME,
    'to be a letter and up to 63 letters, digits or . _ : -',
  );
  const groups = options.groups ?? ['readiness'];
  if (!Array.isArray(groups)) {
    throw new TypeError(`Expected \`groups\` to be an array, got ${typeof groups}`);
  }
  for (const group of groups) {
    requireText('groups', group, GROUP, 'to be lower-case names such as "readiness"');
  }
  const scope = requireOneOf('scope', options.scope ?? source.scope ?? 'local', [
    'local',
    'shared',
  ]);
  if (scope === 'shared' && groups.includes('liveness')) {
    throw new RangeError(
      'Expected `scope` "local" in the group liveness (a restart does not mend a shared dependency), got "shared"',
    );
  }
  const timeoutMs = requireNumber('timeoutMs', options.timeoutMs ?? 500, 1, DAY_MS);
  const warnMs = requireNumber('warnMs', options.warnMs ?? Math.min(200, timeoutMs), 0, timeoutMs);
  if (options.ttlMs !== undefined && options.intervalMs !== undefined) {
    throw new RangeError(
      `Expected either \`ttlMs\` or \`intervalMs\`, got ${options.ttlMs} and ${options.intervalMs}`,
    );
  }
  const ttlMs = requireNumber('ttlMs', options.ttlMs ?? 1_000, 0, DAY_MS);
  const intervalMs =
    options.intervalMs === undefined
      ? undefined
      : requireNumber('intervalMs', options.intervalMs, timeoutMs, DAY_MS);
  const failAfter = requireInteger('failAfter', options.failAfter ?? 3, 1);
  const forgivenMs = Math.max(3, failAfter) * (intervalMs ?? ttlMs) + timeoutMs;
  return {
    name: checkName,
    groups: [...new Set<string>(groups)],
    scope,
    timeoutMs,
    warnMs,
    ttlMs,
    intervalMs,
    failAfter,
    recoverAfter: requireInteger('recoverAfter', options.recoverAfter ?? 2, 1),
    flapWindowMs: requireNumber('flapWindowMs', options.flapWindowMs ?? 60_000, 0),
    // Less than one whole round would call every result stale before the next can arrive.
    staleAfterMs: requireNumber(
      'staleAfterMs',
      options.staleAfterMs ??
        (intervalMs === undefined ? Math.max(60_000, forgivenMs) : forgivenMs),
      (intervalMs ?? ttlMs) + timeoutMs,
    ),
  };
}

/** Takes a bare function or an object with `check(signal)`. Throws TypeError for anything else. */
export function asSource(check: CheckFunction | CheckSource): CheckSource {
  if (typeof check === 'function') return { check: requireFunction('check', check) };
  return requireMethods('check', check, ['check']);
}
