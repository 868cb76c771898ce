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
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
