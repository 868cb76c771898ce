import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { CheckSource } from '../check.ts';
import { knownOptions } from '../known-options.ts';
import { requireNumber } from '../options.ts';

/** How long the event loop may stand still. */
export interface EventLoopCheckOptions {
  /** The longest delay allowed between two runs of the check, in ms; default 250. */
  readonly maxDelayMs?: number;
}

const RESOLUTION_MS = 10;

/**
 * Fails when the event loop stood still for longer than allowed since the last run of the check: while it does, every
 * request of this process waits. Scope `local`. Resolves with `{ maxDelayMs, p99DelayMs }`.
 * Measures from the first run until `close()`, so the first run itself always passes.
 * @throws RangeError when `maxDelayMs` is not above the 10 ms that the measurement resolves.
 */
export function eventLoopCheck(options: EventLoopCheckOptions = {}): CheckSource {
  knownOptions(options, { maxDelayMs: true });
  const limitMs = requireNumber('maxDelayMs', options.maxDelayMs ?? 250, RESOLUTION_MS);
  let histogram: IntervalHistogram | undefined;
  return {
    name: 'event-loop',
    scope: 'local',
    check() {
      if (histogram === undefined) {
        histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
        histogram.enable();
        return { maxDelayMs: 0, p99DelayMs: 0 };
      }
      const maxDelayMs = delayOf(histogram.max);
      const p99DelayMs = delayOf(histogram.percentile(99));
      histogram.reset();
      if (maxDelayMs > limitMs) {
        throw new Error(`the event loop stood still for ${maxDelayMs} ms, allowed ${limitMs}`);
      }
      return { maxDelayMs, p99DelayMs };
    },
    close() {
      histogram?.disable();
      histogram = undefined;
    },
  };
}

/** The histogram counts whole intervals in ns, its own resolution included; empty, its maximum is 0. */
function delayOf(nanoseconds: number): number {
  return Math.max(0, Math.round(nanoseconds / 1e6) - RESOLUTION_MS);
}
