import { callable, integer, name, show } from './options.ts';
import type { SchemaOutput, SchemaResult, StandardSchema } from './standard-schema.ts';
import type { TraceContext } from './trace-context.ts';

/** How often and how fast a failed attempt is repeated. */
export interface RetryOptions {
  /** Attempts in all, the first included. Default 5. */
  readonly attempts?: number;
  /** Upper bound of the first wait in milliseconds; it doubles with each attempt. Default 200. */
  readonly baseMs?: number;
  /** Upper bound of every wait in milliseconds. Default 10,000. */
  readonly maxMs?: number;
}

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
  const { schema, retry = {} } = options;
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw new TypeError(`Expected \`schema\` to be a Standard Schema, got ${show(schema)}`);
  }
  return Object.freeze({
    name: name('name', options.name),
    queue: name('queue', options.queue ?? 'default'),
    schema,
    ...(options.key === undefined ? {} : { key: callable('key', options.key) }),
    retry: Object.freeze({
      attempts: integer('retry.attempts', retry.attempts ?? 5, 1, 1_000),
      baseMs: integer('retry.baseMs', retry.baseMs ?? 200, 0),
      maxMs: integer('retry.maxMs', retry.maxMs ?? 10_000, 0),
    }),
    timeoutMs: integer('timeoutMs', options.timeoutMs ?? 30_000, 1),
    inbox: options.inbox ?? false,
  });
}

/** Runs SQL inside a transaction. `pg`'s clients have this shape. */
export interface SqlExecutor {
  // biome-ignore lint/suspicious/noExplicitAny: rows have the type the caller's SQL gives them
  query(sql: string, values?: any[]): Promise<{ rows: any[]; rowCount: number | null }>;
}

/** What a handler is given beside the payload. */
export interface JobContext {
  /** The job's id: the same in every attempt and delivery. Give it to other services as their idempotency key. */
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly key: string;
  /** 1 in the first attempt. A delivery after a crash starts at 1 again. */
  readonly attempt: number;
  /** When the job was enqueued, in milliseconds since the epoch. */
  readonly enqueuedAtMs: number;
  /** The trace that enqueued the job, when the queue was given `traceContext`. */
  readonly trace: TraceContext | undefined;
  /** Aborts when the attempt's time is up or the worker shuts down. Hand it to everything that waits. */
  readonly signal: AbortSignal;
  /** Tells the watchers how far the job is: `percent` in [0, 100], and a word about it. At most ten a second are sent. */
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
}

/** What `handle` takes beside the function. */
export interface HandleOptions {
  /**
   * Asked before every attempt: false parks the queue, so that no attempt is spent on something
   * that is known to be down. A circuit breaker says so: `() => breaker.state !== 'open'`.
   */
  readonly guard?: () => boolean;
}

/** Joins a job and the function that does it, for `new Worker(queue, { handlers: [...] })`. What the function returns (JSON) is the job's result. */
export function handle<S extends StandardSchema>(
  job: JobDefinition<S>,
  run: (payload: SchemaOutput<S>, ctx: JobContext) => unknown,
  options: HandleOptions = {},
): JobHandler<S> {
  const guard = options.guard === undefined ? {} : { guard: callable('guard', options.guard) };
  return { job, run: callable('handler', run), ...guard };
}

/** Checks a payload against its schema. Gives the schema's output, or its issues. */
export async function validate<S extends StandardSchema>(
  schema: S,
  payload: unknown,
): Promise<SchemaResult<SchemaOutput<S>>> {
  return schema['~standard'].validate(payload) as SchemaResult<SchemaOutput<S>>;
}
