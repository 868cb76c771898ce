import { parseArgs } from 'node:util';
import type { DeadLetterFilter } from './index.ts';

export const USAGE = `evenkeel-jobs: looks after the queues of @evenkeel/async-jobs

  evenkeel-jobs dlq ls QUEUE [filters] [--limit N]        the dead letters
  evenkeel-jobs dlq show QUEUE ID                         one of them, whole
  evenkeel-jobs dlq replay QUEUE [filters] [--rate N] [--dry-run]
                                                          put them back, with their ids; stops when a filter
                                                          leaves too many pieces between to be remembered
  evenkeel-jobs dlq purge QUEUE [filters] --yes           put them away; without --yes: only count
  evenkeel-jobs lag QUEUE [--group NAME]                  what is not finished, by topic
  evenkeel-jobs topics ensure QUEUE... [--partitions N] [--replication N] [--priorities]
  evenkeel-jobs status ID                                 the status of a job

filters   --job NAME  --key KEY  --id ID  --error TEXT  --since TIME  --until TIME
          --reason attempts|non-retryable|payload|unknown-job|not-a-job
          TIME is ISO 8601, or a time ago: 30m, 12h, 7d
where     --brokers HOST:PORT,...  (KAFKA_BROKERS)     --redis URL  (REDIS_URL)
          --prefix NAME  first part of the topics' names, default jobs
          KAFKA_SSL=1, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD when the brokers ask for them
output    --json  one object a line
exit      0 done   1 failed   2 wrong usage   3 not found
`;

/** Wrong usage: what, for the person at the keyboard. */
export class UsageError extends Error {}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  help: { ...flag, short: 'h' },
  json: flag,
  yes: flag,
  'dry-run': flag,
  priorities: flag,
  brokers: text,
  redis: text,
  prefix: text,
  group: text,
  rate: text,
  limit: text,
  partitions: text,
  replication: text,
  job: text,
  key: text,
  id: text,
  reason: text,
  error: text,
  since: text,
  until: text,
} as const;

export type Values = ReturnType<typeof parse>['values'];

/** @throws UsageError */
export function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A whole number from an option. @throws UsageError */
export function count(
  values: Values,
  option: 'rate' | 'limit' | 'partitions' | 'replication',
): number | undefined {
  const given = values[option];
  if (given === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  throw new UsageError(`Expected --${option} to be a whole number above 0, got ${given}`);
}

/** The letters that the options name. @throws UsageError */
export function filterOf(values: Values, now: number): DeadLetterFilter {
  const { job, key, id, error } = values;
  const since = timeOf('since', values.since, now);
  const until = timeOf('until', values.until, now);
  return {
    ...(job !== undefined && { job }),
    ...(key !== undefined && { key }),
    ...(id !== undefined && { id }),
    ...(error !== undefined && { error }),
    ...(values.reason !== undefined && { reason: reasonOf(values.reason) }),
    ...(since && { since }),
    ...(until && { until }),
  };
}

const REASONS = ['attempts', 'non-retryable', 'payload', 'unknown-job', 'not-a-job'] as const;

function reasonOf(given: string): (typeof REASONS)[number] {
  const reason = REASONS.find((one) => one === given);
  if (reason) return reason;
  throw new UsageError(`Expected --reason to be one of ${REASONS.join(', ')}, got ${given}`);
}

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

function timeOf(option: string, given: string | undefined, now: number): Date | undefined {
  if (given === undefined) return undefined;
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
  const time = unit ? new Date(now - Number(amount) * (UNITS[unit] ?? 0)) : new Date(given);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(`Expected --${option} to be ISO 8601 or such as 30m, 12h, 7d, got ${given}`);
}
