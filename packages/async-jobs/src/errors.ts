import { integer, show } from './options.ts';
import type { SchemaIssue } from './standard-schema.ts';

/**
 * Base of every error of this package: `code` names the case, `cause` keeps what led to it.
 * `instanceof` is decided by a brand in the global symbol registry, so that two copies of the
 * package (ESM and CommonJS, or two versions) recognise each other's errors.
 */
export class JobsError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
    Object.defineProperty(this, brand(code), { value: true });
    Object.defineProperty(this, brand('JobsError'), { value: true });
  }

  /** `true` for errors made by any copy of this package. */
  static is(error: unknown): error is JobsError {
    return typeof error === 'object' && error !== null && brand('JobsError') in error;
  }
}

function brand(code: string): symbol {
  return Symbol.for(`@evenkeel/async-jobs/${code}`);
}

/** The payload does not satisfy the job's schema. `issues` are the schema's own. Nothing was enqueued. */
export class JobPayloadError extends JobsError {
  readonly job: string;
  readonly issues: readonly SchemaIssue[];

  constructor(job: string, issues: readonly SchemaIssue[]) {
    const first = issues[0];
    const path = first?.path?.map((part) => String(typeof part === 'object' ? part.key : part));
    const where = path?.length ? ` at \`${path.join('.')}\`` : '';
    super('ERR_JOB_PAYLOAD', `Payload of job ${job} is invalid${where}: ${first?.message ?? '?'}`);
    this.job = job;
    this.issues = issues;
  }
}

/** The serialised payload is larger than `maxPayloadBytes`. Nothing was enqueued. */
export class JobPayloadTooLargeError extends JobsError {
  readonly job: string;
  readonly sizeBytes: number;
  readonly maxBytes: number;

  constructor(job: string, sizeBytes: number, maxBytes: number) {
    super(
      'ERR_JOB_PAYLOAD_TOO_LARGE',
      `Payload of job ${job} has ${sizeBytes} bytes, at most ${maxBytes} are allowed`,
    );
    this.job = job;
    this.sizeBytes = sizeBytes;
    this.maxBytes = maxBytes;
  }
}

/** The idempotency key was used before with another payload or job. `jobId` is the earlier job. */
export class IdempotencyConflictError extends JobsError {
  readonly queue: string;
  readonly idempotencyKey: string;
  readonly jobId: string;

  constructor(queue: string, idempotencyKey: string, jobId: string) {
    super(
      'ERR_JOB_IDEMPOTENCY_CONFLICT',
      `Idempotency key ${JSON.stringify(idempotencyKey)} of queue ${queue} already belongs to job ${jobId} with another payload`,
    );
    this.queue = queue;
    this.idempotencyKey = idempotencyKey;
    this.jobId = jobId;
  }
}

/**
 * Kafka did not acknowledge a directly sent job in time. Whether it got there is not known:
 * send again with the same job, or use an outbox, which has no such state.
 */
export class JobNotAcceptedError extends JobsError {
  constructor(topic: string, cause: unknown) {
    super('ERR_JOB_NOT_ACCEPTED', `No acknowledgement for a record to ${topic}`, { cause });
  }
}

/** The topic does not exist: `ensureTopics` makes what a queue needs. */
export class TopicMissingError extends JobsError {
  readonly topic: string;

  constructor(topic: string) {
    super('ERR_TOPIC_MISSING', `Topic ${topic} does not exist`);
    this.topic = topic;
  }
}

/** The transport did not answer within its budget. */
export class TransportTimeoutError extends JobsError {
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super('ERR_TRANSPORT_TIMEOUT', `${what} took longer than ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** The offsets could not be committed, because the consumer is leaving, joining or broken. */
export class CommitError extends JobsError {
  constructor(topic: string, cause?: unknown) {
    super('ERR_COMMIT', `Offsets of ${topic} were not committed`, { cause });
  }
}

/** Throw it from a handler when trying again cannot help: the job goes to the dead letters at once. */
export class NonRetryableError extends JobsError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_JOB_NON_RETRYABLE', message, options);
  }
}

/**
 * Throw it from a handler to have the next attempt after `delayMs`, whatever the job's retry
 * options say of waits: a provider's `Retry-After`. It counts as an attempt.
 */
export class RetryLater extends JobsError {
  readonly delayMs: number;

  constructor(delayMs: number, options?: { cause?: unknown }) {
    super('ERR_JOB_RETRY_LATER', `Asked to be repeated in ${delayMs} ms`, options);
    this.delayMs = integer('delayMs', delayMs, 0);
  }
}

/**
 * JSON cannot hold what a handler returned. It is left out of the job's status and of its flow; the job
 * has succeeded all the same. Emitted as a worker's `error`.
 */
export class JobResultError extends JobsError {
  readonly job: string;
  readonly jobId: string;

  constructor(job: string, jobId: string, cause: unknown) {
    super('ERR_JOB_RESULT', `The result of job ${job} is not JSON: ${show(cause)}`, { cause });
    this.job = job;
    this.jobId = jobId;
  }
}

/** The spool that takes jobs while Kafka is away is full. The job was not accepted. */
export class SpoolFullError extends JobsError {
  readonly maxJobs: number;

  constructor(maxJobs: number) {
    super('ERR_JOB_SPOOL_FULL', `The spool holds ${maxJobs} jobs and takes no more`);
    this.maxJobs = maxJobs;
  }
}

/**
 * What a filter has replayed or purged lies in so many pieces between letters that stay that no more
 * of it can be remembered. `taken` letters were dealt with, and are remembered. The oldest letters
 * have to be dealt with first.
 */
export class LettersScatteredError extends JobsError {
  readonly queue: string;
  readonly taken: number;

  constructor(queue: string, taken: number) {
    super(
      'ERR_JOB_LETTERS_SCATTERED',
      `${taken} dead letters of queue ${queue} were dealt with; more cannot be remembered between those that stay: replay or purge the oldest of these first`,
    );
    this.queue = queue;
    this.taken = taken;
  }
}

/** A subscription token is malformed, signed with another secret, or too old. */
export class JobTokenError extends JobsError {
  readonly reason: 'malformed' | 'signature' | 'expired';

  constructor(reason: 'malformed' | 'signature' | 'expired') {
    super('ERR_JOB_TOKEN', `The subscription token is not valid: ${reason}`);
    this.reason = reason;
  }
}

/** One attempt of a handler took longer than the job's `timeoutMs`. It is the reason of `ctx.signal`. */
export class JobTimeoutError extends JobsError {
  readonly job: string;
  readonly timeoutMs: number;

  constructor(job: string, timeoutMs: number) {
    super('ERR_JOB_TIMEOUT', `Job ${job} took longer than ${timeoutMs} ms`);
    this.job = job;
    this.timeoutMs = timeoutMs;
  }
}

/**
 * The attempt was ended from outside: by a `shutdown` (drain), by `queue.cancel` (`cancelled`), because its
 * partition went to another worker (`revoked`), or because its time was up and it had been given up
 * (`abandoned`). It is the reason of `ctx.signal`; `ctx.tx` of a revoked or an abandoned attempt rejects with it.
 */
export class JobAbortedError extends JobsError {
  readonly reason: 'shutdown' | 'cancelled' | 'revoked' | 'abandoned';

  constructor(job: string, reason: JobAbortedError['reason']) {
    super('ERR_JOB_ABORTED', `Job ${job} was aborted: ${reason}`);
    this.reason = reason;
  }
}

/** The queue, worker or relay was closed. */
export class QueueClosedError extends JobsError {
  constructor(what: string) {
    super('ERR_QUEUE_CLOSED', `${what} is closed`);
  }
}

/** A health check found the worker, the relay or a backend unwell; `details` say which and why. */
export class JobsUnhealthyError extends JobsError {
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, details: Readonly<Record<string, unknown>>, cause?: unknown) {
    super('ERR_JOBS_UNHEALTHY', message, { cause });
    this.details = details;
  }
}

/** @internal True for what the caller did wrong: repeating it changes nothing. */
export function isInputError(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  return JobsError.is(error) && error.code.startsWith('ERR_JOB_PAYLOAD');
}
