import { backoff } from './clock.ts';
import type { JobDefinition } from './define-job.ts';
import { JobsError, type RetryLater } from './errors.ts';

/** Waits from here on are long: in them a job is parked, on a retry topic or in its lane. */
export const LONG_MS = 1_000;
const JITTER = 0.2;

/**
 * Milliseconds between attempt `attempt` and the next: what the handler asked for by RetryLater;
 * random and short for the quick attempts; then the tiers, each +-20 %, the last repeated.
 */
export function waitBeforeNext(
  retry: JobDefinition['retry'],
  attempt: number,
  error: unknown,
  random: () => number,
): number {
  if (isRetryLater(error)) return error.delayMs;
  if (attempt < retry.inline) return backoff(attempt, retry.baseMs, retry.maxMs, random);
  const { tiersMs } = retry;
  const tierMs = tiersMs[Math.min(attempt - retry.inline, tiersMs.length - 1)] as number;
  return Math.round(tierMs * (1 - JITTER + 2 * JITTER * random()));
}

/** The longest tier that is not longer than a wait, or the shortest: 20 % less counts as fitting. */
export function tierFor<T extends { readonly tierMs: number }>(
  tiers: readonly T[],
  waitMs: number,
): T {
  const fitting = tiers.findLast(({ tierMs }) => tierMs * (1 - JITTER) <= waitMs);
  return fitting ?? (tiers[0] as T);
}

function isRetryLater(error: unknown): error is RetryLater {
  return JobsError.is(error) && error.code === 'ERR_JOB_RETRY_LATER';
}
