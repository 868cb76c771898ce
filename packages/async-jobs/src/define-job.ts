import { knownOptions } from './known-options.ts';
import { callable, integer, name, oneOf, show } from './options.ts';
import {
  type LimitedLine,
  type RateLimit,
  type RateLimitOptions,
  rateLimitOf,
} from './rate-limit.ts';
import type { SchemaOutput, SchemaResult, StandardSchema } from './standard-schema.ts';
import type { TraceContext } from './trace-context.ts';

/** Which of a queue's waiting jobs get the next free place: 8 high to 3 normal to 1 low. */
export type Priority = 'high' | 'normal' | 'low';

/** How often and how fast a failed attempt is repeated. */
export interface RetryOptions {
  /** Attempts in all, the first included. Default 5. */
  readonly attempts?: number;
  /**
   * What later jobs of the same key do while this one waits for its next attempt: `hold` waits
   * behind it, in its order; `overtake` goes ahead, and the failed job waits on a retry topic.
   * Default: `hold` for jobs with a key, `overtake` for those without.
   */
  readonly onRetry?: 'hold' | 'overtake';
  /** Attempts that follow each other quickly, after a random wait, before the tiers. Default 2. */
  readonly inline?: number;
  /** Upper bound of the first wait between quick attempts in milliseconds; it doubles with each. Default 200. */
  readonly baseMs?: number;
  /** Upper bound of every wait between quick attempts in milliseconds. Default 10,000. */
  readonly maxMs?: number;
  /** Waits after the quick attempts in milliseconds, rising, each +-20 %; the last repeats. Default 5 s, 30 s, 5 min, 30 min, 1 h. */
  readonly tiersMs?: readonly number[];
}

/** The default waits between attempts, and the hops of a delay without an outbox. */
export const TIERS_MS: readonly number[] = [5_000, 30_000, 300_000, 1_800_000, 3_600_000];

/** What `defineJob` takes. */
export interface JobOptions<S extends StandardSchema> {
  /** Name of the job in its queue, for example `payment.charge`. */
  readonly name: string;
  /** Any Standard Schema: payloads are checked when they are enqueued and before they are handled. */
  readonly schema: S;
  /** Queue (topic `jobs.<queue>`) the job belongs to. Default `default`. */
  readonly queue?: string;
  /** Jobs of one key are handled one after another, in the order they were enqueued. Default: the job's id, so no order. */
  readonly key?: (payload: SchemaOutput<S>) => string;
  /** Jobs of different priorities have no order between them, not even with the same key. Default `normal`. */
  readonly priority?: Priority | ((payload: SchemaOutput<S>) => Priority);
  readonly retry?: RetryOptions;
  /** Milliseconds one attempt may take; then `ctx.signal` aborts. Default 30,000. */
  readonly timeoutMs?: number;
  /** The handler uses `ctx.tx`; a worker without PostgreSQL refuses such a job. Default `false`. */
  readonly inbox?: boolean;
}

/** A job as the enqueuing side and the worker share it; it knows nothing of the handler. */
export interface JobDefinition<S extends StandardSchema = StandardSchema> {
  readonly name: string;
  readonly queue: string;
  readonly schema: S;
  key?(payload: SchemaOutput<S>): string;
  priority(payload: SchemaOutput<S>): Priority;
  /** The priorities its jobs can have. */
  readonly priorities: readonly Priority[];
  readonly retry: Readonly<Required<RetryOptions>>;
  readonly timeoutMs: number;
  readonly inbox: boolean;
}

/**
 * Defines a job: its name, payload and rules. The handler is given to the worker by `handle`, so
 * that the enqueuing side does not load it.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
export function defineJob<S extends StandardSchema>(options: JobOptions<S>): JobDefinition<S> {
  knownOptions(options, {
    ...{ name: true, schema: true, queue: true, key: true, priority: true, retry: true },
    // a definition has `priorities`; one may be made from another: { ...charge, name: 'refund' }
    ...{ timeoutMs: true, inbox: true, priorities: true },
  });
  const { schema, retry = {} } = options;
  knownOptions(
    retry,
    { attempts: true, onRetry: true, inline: true, baseMs: true, maxMs: true, tiersMs: true },
    'retry.',
  );
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw new TypeError(`Expected \`schema\` to be a Standard Schema, got ${show(schema)}`);
  }
  return Object.freeze({
    name: name('name', options.name),
    queue: name('queue', options.queue ?? 'default'),
    schema,
    ...(options.key === undefined ? {} : { key: callable('key', options.key) }),
    ...priorityOf(options.priority ?? 'normal'),
    retry: Object.freeze({
      attempts: integer('retry.attempts', retry.attempts ?? 5, 1, 1_000),
      onRetry: oneOf('retry.onRetry', retry.onRetry ?? (options.key ? 'hold' : 'overtake'), [
        'hold',
        'overtake',
      ]),
      inline: integer('retry.inline', retry.inline ?? 2, 1, 1_000),
      baseMs: integer('retry.baseMs', retry.baseMs ?? 200, 0),
      maxMs: integer('retry.maxMs', retry.maxMs ?? 10_000, 0),
      tiersMs: tiers(retry.tiersMs ?? TIERS_MS),
    }),
    timeoutMs: integer('timeoutMs', options.timeoutMs ?? 30_000, 1),
    inbox: options.inbox ?? false,
  });
}

const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];
// Known by their identity when a definition is made from another
const ALWAYS: Readonly<Record<Priority, () => Priority>> = {
  high: () => 'high',
  normal: () => 'normal',
  low: () => 'low',
};

function priorityOf<P>(given: Priority | ((payload: P) => Priority)): {
  priority: (payload: P) => Priority;
  priorities: readonly Priority[];
} {
  const always = PRIORITIES.find((one) => given === ALWAYS[one]) ?? given;
  if (typeof always === 'function') {
    return {
      priority: (payload) => oneOf('priority', always(payload), PRIORITIES),
      priorities: PRIORITIES,
    };
  }
  const priority = oneOf('priority', always, PRIORITIES);
  return { priority: ALWAYS[priority], priorities: [priority] };
}

function tiers(given: readonly number[]): readonly number[] {
  if (!Array.isArray(given) || given.length < 1 || given.length > 10) {
    throw new TypeError(
      `Expected \`retry.tiersMs\` to be 1 to 10 waits in milliseconds, got ${show(given)}`,
    );
  }
  const checked = given.map((ms) => integer('retry.tiersMs', ms, 100, 86_400_000));
  if (checked.some((ms, i) => ms <= (checked[i - 1] ?? 0))) {
    throw new RangeError(`Expected \`retry.tiersMs\` to rise, got ${show(given)}`);
  }
  return Object.freeze(checked);
}

/** Runs SQL inside a transaction. `pg`'s clients have this shape. */
export interface SqlExecutor {
  query(
    sql: string | PreparedStatement,
    // biome-ignore lint/suspicious/noExplicitAny: values have the types the caller's SQL wants
    values?: any[],
    // biome-ignore lint/suspicious/noExplicitAny: rows have the type the caller's SQL gives them
  ): Promise<{ rows: any[]; rowCount: number | null }>;
}

/** A statement that PostgreSQL parses once a connection. */
export interface PreparedStatement {
  readonly name: string;
  readonly text: string;
}

/** What a handler is given beside the payload. */
export interface JobContext {
  /** The job's id: the same in every attempt and delivery. Give it to other services as their idempotency key. */
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly key: string;
  /** 1 in the first attempt. After a crash, the attempts since the last wait on a retry topic are counted anew. */
  readonly attempt: number;
  /** When the job was enqueued, in milliseconds since the epoch. */
  readonly enqueuedAtMs: number;
  /** The trace that enqueued the job, when the queue was given `traceContext`. */
  readonly trace: TraceContext | undefined;
  /** Aborts when the attempt's time is up, the worker shuts down or the job is another worker's. Hand it to everything that waits. */
  readonly signal: AbortSignal;
  /** Tells the watchers how far the job is: `percent` in [0, 100], and a word about it (1,000 characters). At most ten a second are sent. */
  progress(percent: number, note?: string): void;
  /**
   * Runs `work` in a PostgreSQL transaction exactly once for this job: the inbox row is its first
   * statement, and the effect and the result are in the same commit. When an earlier delivery
   * has committed, `work` is not called and its stored result (as JSON gives it back) returned.
   * A job with several transactions names each by `step`.
   *
   * @throws JobAbortedError when the attempt had been given up
   */
  tx<T>(work: (tx: SqlExecutor) => Promise<T>, options?: { readonly step?: string }): Promise<T>;
}

/** A job with the function that does it. */
export interface JobHandler<S extends StandardSchema = StandardSchema> {
  readonly job: JobDefinition<S>;
  run(payload: SchemaOutput<S>, ctx: JobContext): unknown;
  readonly guard?: () => boolean;
  readonly rateLimit?: LimitedLine;
  onDead?(payload: SchemaOutput<S>, death: Death): unknown;
}

/** Why a job is given up. */
export interface Death {
  readonly id: string;
  readonly key: string;
  readonly attempts: number;
  readonly error: unknown;
}

/** What `handle` takes beside the function. */
export interface HandleOptions<S extends StandardSchema = StandardSchema> {
  /**
   * Asked before every attempt: false parks the queue, so that no attempt is spent on something
   * that is known to be down. A circuit breaker says so: `() => breaker.state !== 'open'`.
   */
  readonly guard?: () => boolean;
  /** At most `max` attempts begin within any `perMs` milliseconds on this worker; or a limit shared by all workers, `redisRateLimit(redis, ...)`. */
  readonly rateLimit?: RateLimitOptions | RateLimit;
  /**
   * Compensates a job that is given up: called before its dead letter is sent, at least once, and
   * tried five times. Not called for payloads that do not satisfy the schema.
   */
  onDead?(payload: SchemaOutput<S>, death: Death): unknown;
}

/** Joins a job and the function that does it, for `new Worker(queue, { handlers: [...] })`. What the function returns (JSON) is the job's result. */
export function handle<S extends StandardSchema>(
  job: JobDefinition<S>,
  run: (payload: SchemaOutput<S>, ctx: JobContext) => unknown,
  options: HandleOptions<S> = {},
): JobHandler<S> {
  knownOptions(options, { guard: true, rateLimit: true, onDead: true });
  const { guard, onDead, rateLimit } = options;
  return {
    job,
    run: callable('handler', run),
    ...(guard && { guard: callable('guard', guard) }),
    ...(onDead && { onDead: callable('onDead', onDead) }),
    ...(rateLimit && { rateLimit: rateLimitOf(rateLimit) }),
  };
}

/** Checks a payload against its schema. Gives the schema's output, or its issues. */
export function validate<S extends StandardSchema>(
  schema: S,
  payload: unknown,
): SchemaResult<SchemaOutput<S>> | Promise<SchemaResult<SchemaOutput<S>>> {
  return schema['~standard'].validate(payload) as SchemaResult<SchemaOutput<S>>;
}
