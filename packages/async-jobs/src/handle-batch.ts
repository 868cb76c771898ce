import { systemClock } from './clock.ts';
import {
  type HandleOptions,
  handle,
  type JobContext,
  type JobDefinition,
  type JobHandler,
} from './define-job.ts';
import { callable, integer } from './options.ts';
import type { SchemaOutput, StandardSchema } from './standard-schema.ts';

/** One job of a batch. */
export interface BatchItem<P> {
  readonly payload: P;
  readonly ctx: JobContext;
  /** Lets this job alone fail with `error`; the others are not touched. */
  fail(error: unknown): void;
}

/** What `handleBatch` takes beside `handle`'s options. */
export interface BatchOptions<S extends StandardSchema> extends HandleOptions<S> {
  /** Jobs in a batch at most. Each takes one of the worker's `concurrency` places. Default 50. */
  readonly maxSize?: number;
  /** Milliseconds a batch waits for more jobs. Default 20. */
  readonly maxWaitMs?: number;
}

/**
 * Joins a job and a function that does many of them at once: one INSERT, one call of a bulk API.
 * Jobs of one key are never in the same batch. What the function returns, a list in the order of
 * the items, is the jobs' results; when it throws, every job of the batch has failed an attempt.
 */
export function handleBatch<S extends StandardSchema>(
  job: JobDefinition<S>,
  run: (items: readonly BatchItem<SchemaOutput<S>>[]) => unknown,
  options: BatchOptions<S> = {},
): JobHandler<S> {
  const { maxSize = 50, maxWaitMs = 20, ...others } = options;
  const batches = new Batches(
    callable('handler', run),
    integer('maxSize', maxSize, 1, 10_000),
    integer('maxWaitMs', maxWaitMs, 0),
  );
  return handle(job, (payload, ctx) => batches.add(payload, ctx), others);
}

interface Waiting<P> extends BatchItem<P> {
  readonly resolve: (result: unknown) => void;
}

class Batches<P> {
  readonly #run: (items: readonly BatchItem<P>[]) => unknown;
  readonly #maxSize: number;
  readonly #maxWaitMs: number;
  #waiting: Waiting<P>[] = [];
  #timer: unknown = null;

  constructor(
    run: (items: readonly BatchItem<P>[]) => unknown,
    maxSize: number,
    maxWaitMs: number,
  ) {
    this.#run = run;
    this.#maxSize = maxSize;
    this.#maxWaitMs = maxWaitMs;
  }

  add(payload: P, ctx: JobContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payload, ctx, resolve, fail: reject });
      if (this.#waiting.length >= this.#maxSize) this.#flush();
      else this.#timer ??= systemClock.setTimeout(() => this.#flush(), this.#maxWaitMs);
    });
  }

  #flush(): void {
    systemClock.clearTimeout(this.#timer);
    this.#timer = null;
    const items = this.#waiting;
    this.#waiting = [];
    // Given up while they waited: another delivery has them
    const live = items.filter(({ ctx }) => !ctx.signal.aborted);
    for (const item of items) if (!live.includes(item)) item.fail(item.ctx.signal.reason);
    if (live.length > 0) void this.#do(live);
  }

  async #do(items: readonly Waiting<P>[]): Promise<void> {
    try {
      const results = await this.#run(items);
      for (const [i, { resolve }] of items.entries()) {
        resolve(Array.isArray(results) ? results[i] : undefined);
      }
    } catch (error) {
      for (const { fail } of items) fail(error);
    }
  }
}
