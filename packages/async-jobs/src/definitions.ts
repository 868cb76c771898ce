import type { JobDefinition } from './define-job.ts';
import { show } from './options.ts';

// Of each transport: two queues of one process that share a client are two halves of one thing
const known = new WeakMap<object, Map<string, JobDefinition>>();

/**
 * Remembers the definition of a job, for all queues of this process on the same transport.
 *
 * @throws TypeError naming the first field in which it differs from one known
 */
export function remember(transport: object, topicPrefix: string, job: JobDefinition): void {
  const definitions = known.get(transport) ?? new Map<string, JobDefinition>();
  known.set(transport, definitions);
  const place = `${topicPrefix}/${job.queue}/${job.name}`;
  const before = definitions.get(place);
  if (before === job) return;
  if (before) assertSame(before, job);
  definitions.set(place, job);
}

/**
 * Two definitions of one job must agree, or which rules apply would depend on who read last.
 * Schemas and functions cannot be compared and are not.
 *
 * @throws TypeError naming the first field that differs
 */
function assertSame(before: JobDefinition, other: JobDefinition): void {
  const rules = rulesOf(before);
  for (const [field, value] of Object.entries(rulesOf(other))) {
    if (value === rules[field]) continue;
    throw new TypeError(
      `Expected one definition of job ${other.name} in queue ${other.queue}: \`${field}\` is ${show(rules[field])} in one, ${show(value)} in another`,
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
