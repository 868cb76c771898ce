import { oneOf } from './options.ts';
import { type DeadReason, JOB_ID, JOB_NAME } from './record.ts';
import type { IncomingRecord, OutgoingRecord } from './transport.ts';

/** A job that was given up, and why. */
export interface DeadLetter {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly reason: DeadReason;
  readonly error: { readonly name: string; readonly message: string; readonly stack: string };
  readonly attempts: number;
  /** Topic, partition and offset it was read from, and the group that gave it up. */
  readonly origin: string;
  readonly group: string;
  /** When it was given up. */
  readonly at: Date;
  /** The payload as it was sent, JSON unless it is what was wrong. */
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Offset in the dead-letter topic. */
  readonly offset: number;
}

/** Which letters: all that satisfy every given field. */
export interface DeadLetterFilter {
  readonly id?: string;
  /** Name of the job. */
  readonly job?: string;
  readonly key?: string;
  readonly reason?: DeadReason;
  /** Part of the error's name or message. */
  readonly error?: string;
  /** Given up at or after, before. */
  readonly since?: Date;
  readonly until?: Date;
}

const REASONS: readonly DeadReason[] = [
  'attempts',
  'non-retryable',
  'payload',
  'unknown-job',
  'not-a-job',
];

/** Reads a letter. Headers that somebody else wrote are taken as they are. */
export function letterOf({ offset, headers, key, value }: IncomingRecord): DeadLetter {
  const header = (name: string): string => headers[`dlq-${name}`] ?? '';
  return {
    id: headers[JOB_ID] ?? '',
    name: headers[JOB_NAME] ?? '',
    key: key ?? '',
    reason: header('reason') as DeadReason,
    error: { name: header('error-name'), message: header('error'), stack: header('stack') },
    attempts: Number(header('attempts')),
    origin: `${header('topic')}/${header('partition')}@${header('offset')}`,
    group: header('group'),
    at: new Date(header('at')),
    payload: Buffer.from(value ?? '').toString(),
    headers,
    offset,
  };
}

/** @throws RangeError when the filter names a reason that does not exist */
export function matches(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  const { id, job, key, reason, error, since, until } = filter;
  if (reason !== undefined) oneOf('reason', reason, REASONS);
  const { name, message } = letter.error;
  return (
    (id === undefined || letter.id === id) &&
    (job === undefined || letter.name === job) &&
    (key === undefined || letter.key === key) &&
    (reason === undefined || letter.reason === reason) &&
    (error === undefined || name.includes(error) || message.includes(error)) &&
    (since === undefined || letter.at >= since) &&
    (until === undefined || letter.at < until)
  );
}

/** The record a letter was made of, for the topic it came from; never for another queue's. */
export function replayed({ headers, key, payload }: DeadLetter, origin: string): OutgoingRecord {
  const from = headers['dlq-topic'] ?? origin;
  const topic = from === `${origin}.high` || from === `${origin}.low` ? from : origin;
  const own = Object.entries(headers).filter(([name]) => !name.startsWith('dlq-'));
  return { topic, key, value: payload, headers: Object.fromEntries(own) };
}
