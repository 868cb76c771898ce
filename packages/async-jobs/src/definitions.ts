import type { JobDefinition } from './define-job.ts';
import { show } from './options.ts';

/**
 * Two definitions of one job must agree, or which rules apply would depend on who read last.
 * Schemas and functions cannot be compared and are not.
 *
 * @throws TypeError naming the first field that differs
 */
export function assertSame(known: JobDefinition, other: JobDefinition): void {
  const [before, after] = [rulesOf(known), rulesOf(other)];
  for (const [field, value] of Object.entries(after)) {
    if (value === before[field]) continue;
    throw new TypeError(
      `Expected one definition of job ${other.name} in queue ${other.queue}: \`${field}\` is ${show(before[field])} in one, ${show(value)} in another`,
    );
  }
}

function rulesOf(job: JobDefinition): Record<string, unknown> {
  const { retry, timeoutMs, inbox, priorities } = job;
  return {
    timeoutMs,
    inbox,
    key: job.key !== undefined,
    priority: priorities.join(),
    ...Object.fromEntries(
      Object.entries(retry).map(([field, value]) => [`retry.${field}`, String(value)]),
    ),
  };
}
