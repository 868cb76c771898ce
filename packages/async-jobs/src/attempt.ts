import type { Clock } from './clock.ts';
import type { JobContext, JobHandler, SqlExecutor } from './define-job.ts';
import { JobAbortedError, JobTimeoutError } from './errors.ts';
import { name, show } from './options.ts';
import type { Outbox } from './outbox.ts';
import type { TraceContext } from './trace-context.ts';

/** What is known of a job before it is handled. */
export interface JobFacts {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly key: string;
  readonly enqueuedAtMs: number;
  readonly trace: TraceContext | undefined;
  /** Attempts that failed in earlier deliveries. */
  readonly attempts: number;
  readonly flow: string | undefined;
}

/** What an attempt works with. */
export interface AttemptEnvironment {
  readonly clock: Clock;
  readonly outbox: Outbox | null;
  /** Consumer group: part of the inbox key. */
  readonly group: string;
  /** Tells the progress, `sequence` counting up. */
  readonly progress: (
    attempt: Attempt,
    percent: number,
    note: string | undefined,
    sequence: number,
  ) => void;
  /** Tells that an effect had been committed by an earlier delivery. */
  readonly replayed: () => void;
}

const PROGRESS_EVERY_MS = 100;
const NOTE_LENGTH = 1_000;
// A handler that ignores its signal is given this long after its time is up, then given up
const ABANDON_AFTER_MS = 5_000;

/**
 * One run of a handler: its context, its time limit and its end. After `abandon()` or a time-out
 * that the handler ignored, the run may still be going on, but `ctx.tx` and `ctx.progress` refuse;
 * so they do once the job's partition is another worker's.
 */
export class Attempt implements JobContext {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly key: string;
  readonly enqueuedAtMs: number;
  readonly trace: TraceContext | undefined;
  readonly attempt: number;
  readonly #env: AttemptEnvironment;
  readonly #handler: JobHandler;
  readonly #steps = new Set<string>();
  #controller: AbortController | null = null;
  #reason: Error | null = null;
  #over = false;
  #giveUp: ((error: Error) => void) | null = null;
  #percent = 0;
  #note: string | undefined;
  #sequence = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #tellTimer: unknown = null;

  constructor(facts: JobFacts, attempt: number, handler: JobHandler, env: AttemptEnvironment) {
    this.id = facts.id;
    this.name = facts.name;
    this.queue = facts.queue;
    this.key = facts.key;
    this.enqueuedAtMs = facts.enqueuedAtMs;
    this.trace = facts.trace;
    this.attempt = attempt;
    this.#handler = handler;
    this.#env = env;
  }

  /** Made when first asked for: most handlers of cheap jobs never do. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** True when the attempt was ended from outside: its failure says nothing about the job. */
  get interrupted(): boolean {
    return this.#reason instanceof JobAbortedError;
  }

  get #isRevoked(): boolean {
    return this.#reason instanceof JobAbortedError && this.#reason.reason === 'revoked';
  }

  /** Runs the handler with the checked payload. @throws what the handler throws, JobTimeoutError, JobAbortedError */
  async run(payload: unknown): Promise<unknown> {
    const { clock } = this.#env;
    const { timeoutMs } = this.#handler.job;
    let abandonTimer: unknown = null;
    const limit = clock.setTimeout(() => {
      const error = new JobTimeoutError(this.name, timeoutMs);
      this.abort(error);
      abandonTimer = clock.setTimeout(() => this.#abandon(error), ABANDON_AFTER_MS);
    }, timeoutMs);
    try {
      return await new Promise((resolve, reject) => {
        this.#giveUp = reject;
        this.#call(payload).then(resolve, reject);
      });
    } catch (error) {
      // What a handler throws because of its signal is a consequence; the reason is the cause
      throw this.#reason ?? error;
    } finally {
      this.#over = true;
      clock.clearTimeout(limit);
      clock.clearTimeout(abandonTimer);
      clock.clearTimeout(this.#tellTimer);
    }
  }

  /** Asks the handler to stop. */
  abort(reason: Error): void {
    if (this.#over || this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  /** Ends the attempt whether the handler has stopped or not. */
  abandon(): void {
    const error = new JobAbortedError(this.name, 'shutdown');
    this.abort(error);
    this.#abandon(error);
  }

  // Arrow functions: handlers take them out of the context
  readonly progress = (percent: number, note?: string): void => {
    if (!(percent >= 0 && percent <= 100)) {
      throw new RangeError(`Expected \`percent\` in [0, 100], got ${show(percent)}`);
    }
    if (this.#over || this.#isRevoked || percent < this.#percent) return;
    this.#percent = percent;
    this.#note = note === undefined ? undefined : String(note).slice(0, NOTE_LENGTH);
    if (this.#tellTimer !== null) return;
    const waitMs = this.#toldAt + PROGRESS_EVERY_MS - this.#env.clock.now();
    if (waitMs <= 0) {
      this.#tell();
      return;
    }
    this.#tellTimer = this.#env.clock.setTimeout(() => {
      this.#tellTimer = null;
      this.#tell();
    }, waitMs);
  };

  readonly tx = async <T>(
    work: (tx: SqlExecutor) => Promise<T>,
    options: { readonly step?: string } = {},
  ): Promise<T> => {
    const { outbox, group } = this.#env;
    if (!outbox || !this.#handler.job.inbox) {
      throw new TypeError(
        `Expected \`inbox: true\` in the definition of job ${this.name}: its handler calls ctx.tx`,
      );
    }
    const step = name('step', options.step ?? 'main');
    if (this.#steps.has(step)) {
      throw new TypeError(
        `Expected another \`step\`: job ${this.name} has already run step ${show(step)}`,
      );
    }
    this.#assertCurrent();
    this.#steps.add(step);
    try {
      const { value, replayed } = await outbox.once(
        { consumer: group, jobId: this.id, step },
        async (tx) => {
          const result = await work(tx);
          this.#assertCurrent(); // given up while it ran: roll back, another attempt does it
          return result;
        },
      );
      if (replayed) this.#env.replayed();
      return value;
    } catch (error) {
      this.#steps.delete(step); // rolled back: the handler may try again
      throw error;
    }
  };

  async #call(payload: unknown): Promise<unknown> {
    return this.#handler.run(payload, this);
  }

  #abandon(error: Error): void {
    this.#over = true;
    this.#giveUp?.(error);
  }

  #assertCurrent(): void {
    if (this.#over) throw new JobAbortedError(this.name, 'abandoned');
    // Another worker has the job: what this one has not committed yet is that one's to do
    if (this.#isRevoked) throw this.#reason;
  }

  #tell(): void {
    this.#toldAt = this.#env.clock.now();
    this.#env.progress(this, this.#percent, this.#note, ++this.#sequence);
  }
}
