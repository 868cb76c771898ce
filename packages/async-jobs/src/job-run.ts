import type { JobFacts } from './attempt.ts';
import { attemptInTurn, isNonRetryable } from './attempt-start.ts';
import { sleep } from './clock.ts';
import { validate } from './define-job.ts';
import { JobPayloadError } from './errors.ts';
import {
  type DeadReason,
  enqueuedAtOf,
  JOB_ATTEMPTS,
  JOB_FLOW,
  JOB_ID,
  JOB_NAME,
} from './record.ts';
import { LONG_MS, waitBeforeNext } from './retry-plan.ts';
import { type Delivery, plain, type RunEnvironment, tell } from './run-environment.ts';
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

/**
 * Handles one record to its end: decode, check, attempts with waits between them. Short waits, and
 * all waits of jobs that hold their key, happen here: they hold the job's lane, but no place among
 * the running ones. Never rejects.
 */
export async function runJob(delivery: Delivery, env: RunEnvironment): Promise<Outcome> {
  const { record } = delivery;
  const facts = factsOf(record, env.queue);
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
    const end = await attemptInTurn({ delivery, facts, number, handler, payload }, env);
    if (end === 'cancelled') return { kind: 'cancelled', facts };
    if (end === 'handed-back') return { kind: 'handed-back' };
    if ('result' in end) return { kind: 'done', facts, result: end.result };
    if (!delivery.partition.owned) return { kind: 'handed-back' };
    env.failed(facts, number, end.error);
    if (isNonRetryable(end.error)) return givenUp('non-retryable', end.error, number);
    if (end.counted && number >= retry.attempts) return givenUp('attempts', end.error, number);
    tell(env, facts, number, 'retrying', 0, { error: plain(end.error) });
    if (!end.counted) continue; // the brake says when
    const waitMs = waitBeforeNext(retry, number, end.error, env.random);
    if (waitMs >= LONG_MS && retry.onRetry === 'overtake') {
      return { kind: 'later', facts, attempts: number, waitMs };
    }
    await waitInLane(facts.id, delivery, waitMs, env);
    number++;
  }
}

/** Waits until it is time, the job is cancelled, its partition is lost or nothing starts any more. */
async function waitInLane(
  id: string,
  { key, partition }: Delivery,
  waitMs: number,
  env: RunEnvironment,
): Promise<void> {
  if (waitMs < LONG_MS) return sleep(env.clock, waitMs, env.stopping);
  const ended = new AbortController();
  env.waiting.set(id, { partition, end: () => ended.abort() });
  env.park(key, true);
  await sleep(env.clock, waitMs, AbortSignal.any([env.stopping, ended.signal]));
  env.park(key, false);
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

/** Tells that a job was cancelled. */
export function tellCancelled(env: RunEnvironment, facts: JobFacts): void {
  tell(env, facts, facts.attempts, 'cancelled', 0);
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
