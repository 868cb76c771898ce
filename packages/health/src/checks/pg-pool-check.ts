import type { CheckSource } from '../check.ts';
import { knownOptions } from '../known-options.ts';
import { requireFunction, requireInteger, requireNumber } from '../options.ts';

/** What is read of a `pg` pool to see whether its callers get their connections. */
export interface PgPoolCounts {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

/** When a queue for connections is a fault. */
export interface PgPoolCheckOptions {
  /** Callers that may wait without harm; default 0. */
  readonly maxWaiting?: number;
  /** For how long, in ms, more than that must have been waiting without a break; default 2,000. */
  readonly windowMs?: number;
  /** Monotonic time in ms, for tests; default `performance.now()`. */
  readonly clock?: () => number;
}

/** How often the queue is looked at: a burst that is over before the next look harmed nobody for long. */
const SAMPLE_MS = 100;

/**
 * Fails when callers have been queueing for a connection during a whole window: the pool is too small for the
 * load, or connections are held too long. A burst that drains in between is what a pool is for, and passes.
 * Scope `local`. Resolves with `{ total, idle, waiting, waitingForMs }`.
 * Samples every 100 ms from the first run until `close()`.
 * @throws TypeError when `pool` has no counts, RangeError when an option is out of range.
 */
export function pgPoolCheck(pool: PgPoolCounts, options: PgPoolCheckOptions = {}): CheckSource {
  requireNumber('pool.waitingCount', pool?.waitingCount, 0);
  knownOptions(options, { maxWaiting: true, windowMs: true, clock: true });
  const maxWaiting = requireInteger('maxWaiting', options.maxWaiting ?? 0, 0);
  const windowMs = requireNumber('windowMs', options.windowMs ?? 2_000, 0);
  const clock = requireFunction('clock', options.clock ?? (() => performance.now()));
  let calmAt: number | undefined;
  let sampler: NodeJS.Timeout | undefined;

  const sample = () => {
    if (calmAt === undefined || pool.waitingCount <= maxWaiting) calmAt = clock();
    return calmAt;
  };

  return {
    name: 'postgres-pool',
    scope: 'local',
    check() {
      sampler ??= setInterval(sample, SAMPLE_MS).unref();
      const waitingForMs = Math.round(clock() - sample());
      const { totalCount: total, idleCount: idle, waitingCount: waiting } = pool;
      if (waiting > maxWaiting && waitingForMs >= windowMs) {
        throw new Error(
          `${waiting} callers wait for a connection of ${total}, without a break for ${waitingForMs} ms`,
        );
      }
      return { total, idle, waiting, waitingForMs };
    },
    close() {
      clearInterval(sampler);
      sampler = undefined;
      calmAt = undefined;
    },
  };
}
