import type { Priority } from './define-job.ts';
import { timeOf } from './ids.ts';
import { textOf } from './options.ts';
import { jobsTopic } from './topics.ts';
import type { TraceContext } from './trace-context.ts';
import type { IncomingRecord, OutgoingRecord } from './transport.ts';

/** The headers of a job's record. The value is the payload's JSON and nothing else. */
export const JOB_ID = 'job-id';
export const JOB_NAME = 'job-name';
/** Left out where the id tells it: every header is a tenth of a record's cost. */
const ENQUEUED_AT = 'job-enqueued-at';
/** Attempts that have failed before the record was put on a retry topic. */
export const JOB_ATTEMPTS = 'job-attempts';
/** `<flow id>/<step>` of a job that is a step of a flow. */
export const JOB_FLOW = 'job-flow';

/** A job on its way to the transport. */
export interface QueuedJob {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly priority: Priority;
  readonly key: string;
  readonly payload: string;
  readonly enqueuedAtMs: number;
  readonly trace?: TraceContext | undefined;
  /** Not to be handled before, in milliseconds since the epoch. */
  readonly runAtMs?: number | undefined;
  readonly flow?: string | undefined;
}

/**
 * The record of a job. Sent only `once`, a job without a key of its own needs none in Kafka either;
 * what may be sent again has its id for a key, so that both copies come to the same lane.
 */
export function toRecord(prefix: string, job: QueuedJob, once = false): OutgoingRecord {
  const { id, key, flow, trace } = job;
  const headers: Record<string, string> = { [JOB_ID]: id, [JOB_NAME]: job.name };
  if (timeOf(id) === null) headers[ENQUEUED_AT] = String(job.enqueuedAtMs);
  if (flow) headers[JOB_FLOW] = flow;
  if (trace) Object.assign(headers, trace);
  return {
    topic: jobsTopic(prefix, job.queue, job.priority),
    key: once && key === id ? null : key,
    value: job.payload,
    headers,
  };
}

/** When the job of a record was enqueued, in milliseconds since the epoch. */
export function enqueuedAtOf({ headers, timestampMs }: IncomingRecord): number {
  const told = headers[ENQUEUED_AT];
  return told === undefined ? (timeOf(headers[JOB_ID] ?? '') ?? timestampMs) : Number(told);
}

/** Why a job ended among the dead letters. */
export type DeadReason = 'attempts' | 'non-retryable' | 'payload' | 'unknown-job' | 'not-a-job';

/** Where a dead letter came from and what happened to it. */
export interface DeathNote {
  readonly reason: DeadReason;
  readonly error: unknown;
  readonly attempts: number;
  readonly topic: string;
  readonly partition: number;
  readonly group: string;
  readonly atMs: number;
}

/** The dead letter of a record: the same key, value and headers, and the reason in `dlq-` headers. */
export function toDeadLetter(
  topic: string,
  record: IncomingRecord,
  note: DeathNote,
): OutgoingRecord {
  const { error } = note;
  const isError = error instanceof Error;
  return {
    topic,
    key: record.key ?? record.headers[JOB_ID] ?? '',
    value: record.value ?? '',
    headers: {
      ...record.headers,
      [JOB_ATTEMPTS]: '0',
      'dlq-reason': note.reason,
      'dlq-error': cut(textOf(isError ? error.message : error), 1_000),
      'dlq-error-name': isError ? error.name : typeof error,
      'dlq-stack': cut((isError && error.stack) || '', 4_000),
      'dlq-attempts': String(note.attempts),
      'dlq-topic': note.topic,
      'dlq-partition': String(note.partition),
      'dlq-offset': String(record.offset),
      'dlq-group': note.group,
      'dlq-at': new Date(note.atMs).toISOString(),
    },
  };
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}
