import { type JobDefinition, type Priority, TIERS_MS } from './define-job.ts';
import { knownOptions } from './known-options.ts';
import { integer } from './options.ts';
import type { TopicOptions } from './queue-options.ts';
import type { TopicSpec } from './transport.ts';

/** Topic of a queue's jobs of one priority. */
export function jobsTopic(prefix: string, queue: string, priority: Priority = 'normal'): string {
  return priority === 'normal' ? `${prefix}.${queue}` : `${prefix}.${queue}.${priority}`;
}

/** Topic of a queue's dead letters. */
export function deadLetterTopic(prefix: string, queue: string): string {
  return `${prefix}.${queue}.dlq`;
}

/** Topic on which a queue's jobs wait for one length of time. */
export function tierTopic(prefix: string, queue: string, tierMs: number): string {
  return `${prefix}.${queue}.retry.${duration(tierMs)}`;
}

/** What a queue consists of, as its jobs' definitions say. */
export interface QueueTopics {
  readonly queue: string;
  readonly jobs: readonly { readonly topic: string; readonly priority: Priority }[];
  /** Waits, rising. */
  readonly tiers: readonly { readonly topic: string; readonly tierMs: number }[];
  readonly deadLetters: string;
}

/**
 * The topics of a queue. On the tiers wait jobs that may be overtaken, and delayed jobs that were
 * enqueued without an outbox: every queue has the default ones, so that none waits unread.
 */
export function topicsOf(
  prefix: string,
  queue: string,
  jobs: readonly JobDefinition[],
): QueueTopics {
  const priorities = new Set<Priority>(['normal', ...jobs.flatMap((job) => job.priorities)]);
  const tiersMs = new Set(TIERS_MS);
  for (const { retry } of jobs) {
    if (retry.onRetry === 'overtake') for (const tierMs of retry.tiersMs) tiersMs.add(tierMs);
  }
  return {
    queue,
    jobs: [...priorities].map((priority) => ({
      topic: jobsTopic(prefix, queue, priority),
      priority,
    })),
    tiers: [...tiersMs]
      .sort((a, b) => a - b)
      .map((tierMs) => ({ topic: tierTopic(prefix, queue, tierMs), tierMs })),
    deadLetters: deadLetterTopic(prefix, queue),
  };
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** The topics of a queue among existing ones, whatever priorities and waits its jobs have. */
export function topicsAmong(
  prefix: string,
  queue: string,
  existing: readonly string[],
): { readonly topic: string; readonly kind: 'jobs' | 'tier' | 'letters' }[] {
  const priorities = (['normal', 'high', 'low'] as const).map((priority) =>
    jobsTopic(prefix, queue, priority),
  );
  const tierMs = (topic: string): number | null => {
    if (!topic.startsWith(`${prefix}.${queue}.retry.`)) return null;
    const [, amount, unit] = /\.retry\.(\d+)(ms|s|m|h)$/.exec(topic) ?? [];
    return unit ? Number(amount) * UNITS[unit as keyof typeof UNITS] : null;
  };
  const tiers = existing.filter((topic) => tierMs(topic) !== null);
  const rising = tiers.sort((a, b) => Number(tierMs(a)) - Number(tierMs(b)));
  const letters = deadLetterTopic(prefix, queue);
  return [
    ...priorities.map((topic) => ({ topic, kind: 'jobs' as const })),
    ...rising.map((topic) => ({ topic, kind: 'tier' as const })),
    { topic: letters, kind: 'letters' as const },
  ].filter(({ topic }) => existing.includes(topic));
}

const DLQ_RETENTION_MS = 14 * 24 * 3600_000;
const RETRY_RETENTION_MS = 7 * 24 * 3600_000;

/** The topics to create for some jobs. @throws RangeError naming field, rule and value */
export function topicSpecs(
  prefix: string,
  jobs: readonly JobDefinition[],
  options: TopicOptions,
): TopicSpec[] {
  knownOptions(options, { partitions: true, replicationFactor: true });
  const partitions = integer('partitions', options.partitions ?? 6, 1, 10_000);
  const copies =
    options.replicationFactor === undefined
      ? {}
      : { replicationFactor: integer('replicationFactor', options.replicationFactor, 1, 100) };
  return [...new Set(jobs.map((job) => job.queue))].flatMap((queue) => {
    const ofQueue = jobs.filter((job) => job.queue === queue);
    const topics = topicsOf(prefix, queue, ofQueue);
    const one = { partitions: 1, ...copies };
    return [
      ...topics.jobs.map(({ topic }) => ({ topic, partitions, ...copies })),
      ...topics.tiers.map(({ topic }) => ({ topic, ...one, retentionMs: RETRY_RETENTION_MS })),
      { topic: topics.deadLetters, ...one, retentionMs: DLQ_RETENTION_MS },
    ];
  });
}

function duration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    if (ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return `${ms}ms`;
}
