import { Attempt, type JobFacts } from './attempt.ts';
import { sleep } from './clock.ts';
import type { JobHandler } from './define-job.ts';
import { JobResultError, JobsError } from './errors.ts';
import { type Delivery, type RunEnvironment, tell } from './run-environment.ts';

/** An attempt that is to be made as soon as it may. */
export interface NextAttempt {
  readonly delivery: Delivery;
  readonly facts: JobFacts;
  readonly number: number;
  readonly handler: JobHandler;
  readonly payload: unknown;
}

/** How one attempt ended. */
export type AttemptEnd =
  | { readonly result: unknown }
  | 'handed-back'
  | 'cancelled'
  | { readonly error: unknown; readonly counted: boolean };

/** One attempt, in its turn where there is a rate limit. */
export function attemptInTurn(next: NextAttempt, env: RunEnvironment): Promise<AttemptEnd> {
  const { rateLimit } = next.handler;
  return rateLimit
    ? rateLimit.turn((begun) => attemptInSlot(next, env, begun))
    : attemptInSlot(next, env, null);
}

/** Waits for the end of a rebalance, the brake, a free place and its rate limit, until it has all of them. */
async function attemptInSlot(
  next: NextAttempt,
  env: RunEnvironment,
  begun: (() => void) | null,
): Promise<AttemptEnd> {
  const { handler, delivery } = next;
  const { rateLimit } = handler;
  const start = async () => {
    if (rateLimit && !env.frozen() && !env.stopping.aborted) {
      const waitMs = await rateLimit.take(env.clock.now());
      if (waitMs > 0) return waitMs;
    }
    if (env.frozen() || env.stopping.aborted || !env.brake.tryStart(handler.guard)) return null;
    begun?.();
    return attemptOnce(next, env);
  };
  for (;;) {
    await env.thaw();
    await env.brake.wait();
    if (env.stopping.aborted || !delivery.partition.owned) {
      env.brake.decline();
      return 'handed-back';
    }
    if (env.cancelled(next.facts.id)) {
      env.brake.decline();
      return 'cancelled';
    }
    const end = await env.slot(delivery.buffer.priority, start);
    if (typeof end === 'number') {
      env.brake.decline(); // another job may have what this one was let go for
      await sleep(env.clock, end, env.stopping);
    } else if (end !== null) return end;
  }
}

async function attemptOnce(
  { delivery, facts, number, handler, payload }: NextAttempt,
  env: RunEnvironment,
): Promise<AttemptEnd> {
  const attempt = new Attempt(facts, number, handler, env);
  env.running.set(attempt, delivery.partition);
  tell(env, facts, number, 'active', 0);
  env.started(facts, number);
  try {
    const result = resultOf(await attempt.run(payload), facts, env);
    env.brake.succeeded();
    tell(env, facts, number, 'succeeded', 100, result === undefined ? undefined : { result });
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

/** What a handler returned, as JSON gives it back: status and flow are written long after, and must be. */
function resultOf(returned: unknown, facts: JobFacts, env: RunEnvironment): unknown {
  if (typeof returned !== 'object' && typeof returned !== 'bigint') return returned;
  if (returned === null || !(env.reports || facts.flow)) return returned;
  try {
    return JSON.parse(JSON.stringify(returned) ?? 'null');
  } catch (error) {
    env.error(new JobResultError(facts.name, facts.id, error));
    return undefined;
  }
}

export function isNonRetryable(error: unknown): boolean {
  return JobsError.is(error) && error.code === 'ERR_JOB_NON_RETRYABLE';
}
