import { Attempt, type AttemptEnvironment, type JobFacts } from './attempt.ts';
import type { Brake } from './brake.ts';
import { sleep } from './clock.ts';
import { type JobHandler, validate } from './define-job.ts';
import { JobPayloadError, JobsError } from './errors.ts';
import type { RateLimit } from './rate-limit.ts';
import {
  type DeadReason,
  enqueuedAtOf,
  JOB_ATTEMPTS,
  JOB_FLOW,
  JOB_ID,
  JOB_NAME,
} from './record.ts';
import { LONG_MS, waitBeforeNext } from './retry-plan.ts';
import type { JobStatus } from './status.ts';
import { traceContextOf } from './trace-context.ts';
import type { IncomingRecord } from './transport.ts';

/** How a delivered record ended. */
export type Outcome =
  | { readonly kind: 'done'; readonly facts: JobFacts; readonly result: unknown }
  | { readonly kind: 'cancelled'; readonly facts: JobFacts }
  /** To be put on a retry topic. */
  | {
      readonly kind: 'later';
      readonly facts: JobFacts;
      readonly attempts: number;
      readonly waitMs: number;
    }
  | Dead
  /** Neither done nor dead: whoever owns the partition next starts over. */
  | { readonly kind: 'handed-back' };

export interface Dead {
  readonly kind: 'dead';
  readonly reason: DeadReason;
  readonly error: unknown;
  readonly attempts: number;
  /** Null when the record names no job. */
  readonly facts: JobFacts | null;
  /** Calls the handler's `onDead`, when there is one and the payload is valid. */
  readonly compensate?: () => unknown;
}

/** How one attempt ended. */
type AttemptEnd =
  | { readonly result: unknown }
  | 'handed-back'
  | 'cancelled'
  | { readonly error: unknown; readonly counted: boolean };

/** What runs share. */
export interface RunEnvironment extends Omit<AttemptEnvironment, 'progress'> {
  readonly handlers: ReadonlyMap<string, JobHandler>;
  readonly random: () => number;
  /** Aborts when no attempt may start any more. */
  readonly stopping: AbortSignal;
  /** False when the partition was taken away: the outcome is another member's business. */
  readonly owned: () => boolean;
  readonly report: (status: JobStatus, sequence?: number) => void;
  /** True while the group is being rebalanced: nothing may start. */
  readonly frozen: () => boolean;
  /** Resolves when nothing is frozen, or nothing starts any more. */
  readonly thaw: () => Promise<void>;
  readonly brake: Brake;
  /** Runs one attempt when there is a free place. */
  readonly slot: <T>(work: () => Promise<T>) => Promise<T>;
  /** Attempts that are running now. */
  readonly running: Set<Attempt>;
  /** Waits that a cancellation ends, by job. */
  readonly waiting: Map<string, AbortController>;
  readonly cancelled: (id: string) => boolean;
  /** Says that the job's lane waits for long, or goes on. */
  readonly park: (parked: boolean) => void;
  readonly started: (facts: JobFacts, attempt: number) => void;
  readonly failed: (facts: JobFacts, attempt: number, error: unknown) => void;
}

/**
 * Handles one record to its end: decode, check, attempts with waits between them. Short waits, and
 * all waits of jobs that hold their key, happen here: they hold the job's lane, but no place among
 * the running ones. Never rejects.
 */
export async function runJob(
  record: IncomingRecord,
  queue: string,
  env: RunEnvironment,
): Promise<Outcome> {
  const facts = factsOf(record, queue);
  const dead = (reason: DeadReason, error: unknown, attempts: number): Dead => ({
    kind: 'dead',
    reason,
    error,
    attempts,
    facts,
  });
  if (!facts) return dead('not-a-job', new Error('The record has no job-id or job-name'), 0);
  const handler = env.handlers.get(facts.name);
  if (!handler) return dead('unknown-job', new Error(`No handler for job ${facts.name}`), 0);
  let payload: unknown;
  try {
    const checked = await validate(handler.job.schema, parse(record));
    if (checked.issues) throw new JobPayloadError(facts.name, checked.issues);
    payload = checked.value;
  } catch (error) {
    return dead('payload', error, 0);
  }

  const { retry } = handler.job;
  const givenUp = (reason: DeadReason, error: unknown, attempts: number): Dead => {
    const { onDead } = handler;
    const { id, key } = facts;
    if (!onDead) return dead(reason, error, attempts);
    return {
      ...dead(reason, error, attempts),
      compensate: () => onDead(payload, { id, key, attempts, error }),
    };
  };
  for (let number = facts.attempts + 1; ; ) {
    const end = await attemptInTurn(facts, number, handler, payload, env);
    if (end === 'cancelled') return { kind: 'cancelled', facts };
    if (end === 'handed-back') return { kind: 'handed-back' };
    if ('result' in end) return { kind: 'done', facts, result: end.result };
    if (!env.owned()) return { kind: 'handed-back' };
    env.failed(facts, number, end.error);
    if (isNonRetryable(end.error)) return givenUp('non-retryable', end.error, number);
    if (end.counted && number >= retry.attempts) return givenUp('attempts', end.error, number);
    tell(env, facts, number, 'retrying', 0, { error: plain(end.error) });
    if (!end.counted) continue; // the brake says when
    const waitMs = waitBeforeNext(retry, number, end.error, env.random);
    if (waitMs >= LONG_MS && retry.onRetry === 'overtake') {
      return { kind: 'later', facts, attempts: number, waitMs };
    }
    await waitInLane(facts.id, waitMs, env);
    number++;
  }
}

/** Waits until it is time, the job is cancelled or nothing starts any more. */
async function waitInLane(id: string, waitMs: number, env: RunEnvironment): Promise<void> {
  if (waitMs < LONG_MS) return sleep(env.clock, waitMs, env.stopping);
  const cancellation = new AbortController();
  env.waiting.set(id, cancellation);
  env.park(true);
  await sleep(env.clock, waitMs, AbortSignal.any([env.stopping, cancellation.signal]));
  env.park(false);
  env.waiting.delete(id);
}

/** Tells the final status of a job that went to the dead letters. */
export function tellDead(
  env: RunEnvironment,
  facts: JobFacts,
  attempts: number,
  error: unknown,
): void {
  tell(env, facts, attempts, 'dead', 0, { error: plain(error) });
}

/** One attempt, in its turn where there is a rate limit. */
function attemptInTurn(...attempt: AttemptArguments): Promise<AttemptEnd> {
  const { rateLimit } = attempt[2];
  if (!rateLimit) return attemptInSlot(attempt, null, () => {});
  return rateLimit.turn((begun) => attemptInSlot(attempt, rateLimit, begun));
}

type AttemptArguments = [JobFacts, number, JobHandler, unknown, RunEnvironment];

/** Waits for the end of a rebalance, the brake, a free place and its rate limit, until it has all of them. */
async function attemptInSlot(
  attempt: AttemptArguments,
  rateLimit: RateLimit | null,
  begun: () => void,
): Promise<AttemptEnd> {
  const [{ id }, , handler, , env] = attempt;
  for (;;) {
    await env.thaw();
    await env.brake.wait();
    if (env.stopping.aborted || !env.owned()) {
      env.brake.decline();
      return 'handed-back';
    }
    if (env.cancelled(id)) {
      env.brake.decline();
      return 'cancelled';
    }
    const end = await env.slot(async () => {
      if (rateLimit && !env.frozen() && !env.stopping.aborted) {
        const waitMs = await rateLimit.take(env.clock.now());
        if (waitMs > 0) return waitMs;
      }
      if (env.frozen() || env.stopping.aborted || !env.brake.tryStart(handler.guard)) return null;
      begun();
      return attemptOnce(...attempt);
    });
    if (typeof end === 'number') {
      env.brake.decline(); // another job may have what this one was let go for
      await sleep(env.clock, end, env.stopping);
    } else if (end !== null) return end;
  }
}

async function attemptOnce(
  facts: JobFacts,
  number: number,
  handler: JobHandler,
  payload: unknown,
  env: RunEnvironment,
): Promise<AttemptEnd> {
  const attempt = new Attempt(facts, number, handler, {
    clock: env.clock,
    outbox: env.outbox,
    group: env.group,
    replayed: env.replayed,
    progress: (percent, note, sequence) =>
      tell(env, facts, number, 'active', percent, note === undefined ? {} : { note }, sequence),
  });
  env.running.add(attempt);
  tell(env, facts, number, 'active', 0);
  env.started(facts, number);
  try {
    const result = await attempt.run(payload);
    env.brake.succeeded();
    tell(env, facts, number, 'succeeded', 100, result === undefined ? {} : { result });
    return { result };
  } catch (error) {
    if (attempt.interrupted) {
      env.brake.ended();
      return env.cancelled(facts.id) ? 'cancelled' : 'handed-back';
    }
    // "This cannot be done" is an answer: whatever gave it is alive
    const answered = isNonRetryable(error);
    if (answered) env.brake.succeeded();
    return { error, counted: answered || env.brake.failed(facts.id) };
  } finally {
    env.running.delete(attempt);
  }
}

/** Tells that a job was cancelled. */
export function tellCancelled(env: RunEnvironment, facts: JobFacts): void {
  tell(env, facts, facts.attempts, 'cancelled', 0);
}

function tell(
  env: RunEnvironment,
  { id, name }: JobFacts,
  attempt: number,
  state: JobStatus['state'],
  progress: number,
  more: Partial<JobStatus> = {},
  sequence = 0,
): void {
  env.report({ id, name, state, attempt, progress, ...more, atMs: env.clock.now() }, sequence);
}

function factsOf(record: IncomingRecord, queue: string): JobFacts | null {
  const { headers, key } = record;
  const id = headers[JOB_ID];
  const name = headers[JOB_NAME];
  if (!id || !name) return null;
  return {
    id,
    name,
    queue,
    key: key ?? id,
    enqueuedAtMs: enqueuedAtOf(record),
    attempts: attemptsOf(headers[JOB_ATTEMPTS]),
    flow: headers[JOB_FLOW],
    trace: headers.traceparent === undefined ? undefined : traceContextOf(headers),
  };
}

/** A header is what somebody else wrote: anything but a small count is none. */
function attemptsOf(header: string | undefined): number {
  const attempts = Number(header ?? 0);
  return Number.isInteger(attempts) && attempts > 0 && attempts < 10_000 ? attempts : 0;
}

function parse({ value }: IncomingRecord): unknown {
  return JSON.parse(
    value === null ? '' : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString(),
  );
}

function isNonRetryable(error: unknown): boolean {
  return JobsError.is(error) && error.code === 'ERR_JOB_NON_RETRYABLE';
}

function plain(error: unknown): { name: string; message: string } {
  return error instanceof Error
    ? { name: error.name, message: error.message.slice(0, 1_000) }
    : { name: typeof error, message: String(error).slice(0, 1_000) };
}
