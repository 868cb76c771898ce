import { Cron } from 'croner';
import type { JobQueue } from './async-jobs.ts';
import { sleep } from './clock.ts';
import type { JobDefinition, SqlExecutor } from './define-job.ts';
import { isInputError } from './errors.ts';
import { knownOptions } from './known-options.ts';
import { name, show } from './options.ts';
import type { SchemaInput, StandardSchema } from './standard-schema.ts';

/** What `schedule` takes beside the job. */
export interface ScheduleOptions<S extends StandardSchema> {
  /** Five fields (minute hour day month weekday), or six with seconds first. */
  readonly cron: string;
  /** The payload, or what makes it of the time it is for. */
  readonly payload: SchemaInput<S> | ((scheduledAt: Date) => SchemaInput<S>);
  /** IANA time zone, for example `Europe/Berlin`. Default `UTC`. */
  readonly timezone?: string;
  /** Tells schedules of one job apart. Default: the job's name. */
  readonly name?: string;
  /** Enqueue the latest missed time when no scheduler ran. Needs an outbox, which keeps the last time of each. Default false. */
  readonly catchUp?: boolean;
}

/** A job with its times, made by `schedule`. */
export interface Schedule {
  readonly name: string;
  readonly job: JobDefinition;
  readonly times: Cron;
  readonly catchUp: boolean;
  payload(scheduledAt: Date): unknown;
}

/**
 * Says when a job is to be enqueued.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
export function schedule<S extends StandardSchema>(
  job: JobDefinition<S>,
  options: ScheduleOptions<S>,
): Schedule {
  knownOptions(options, { cron: true, payload: true, timezone: true, name: true, catchUp: true });
  const { payload, catchUp = false } = options;
  return {
    name: name('name', options.name ?? job.name),
    job: job as unknown as JobDefinition,
    times: timesOf(options.cron, options.timezone ?? 'UTC'),
    catchUp,
    payload: (at) =>
      typeof payload === 'function' ? (payload as (at: Date) => unknown)(at) : payload,
  };
}

function timesOf(cron: string, timezone: string): Cron {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new RangeError(
      `Expected \`timezone\` to be an IANA time zone such as "Europe/Berlin", got ${show(timezone)}`,
    );
  }
  try {
    const times = new Cron(cron, { paused: true, timezone });
    if (/^[\d*]/.test(cron) && times.nextRun()) return times;
  } catch {
    // told below
  }
  throw new RangeError(
    `Expected \`cron\` to be a cron expression that has a next time, such as "0 3 * * *", got ${show(cron)}`,
  );
}

// A wait is cut into pieces, so that a clock that is set, or a machine that slept, is noticed
const LONGEST_SLEEP_MS = 30_000;

/**
 * Enqueues jobs at their times. There is no leader: every process that runs it tries, and the outbox,
 * which keeps the times of each schedule, lets one through. Without an outbox run one
 * process only. After a sleep or an outage of the process the latest time is enqueued, once.
 */
export class Scheduler {
  readonly #queue: JobQueue;
  readonly #schedules: readonly Schedule[];
  readonly #closing = new AbortController();
  #loops: Promise<unknown> | null = null;
  #enqueued = 0;
  #lastError: unknown = null;

  constructor(queue: JobQueue, schedules: readonly Schedule[]) {
    this.#queue = queue;
    this.#schedules = schedules;
    const names = new Set<string>();
    for (const { name: one, catchUp } of schedules) {
      if (names.has(one)) throw new TypeError(`Expected one schedule named ${one}, got two`);
      if (catchUp && !queue.outbox) {
        throw new TypeError(`Expected \`outbox\` in the queue: schedule ${one} has \`catchUp\``);
      }
      names.add(one);
    }
  }

  /** Starts; comes back at once. */
  run(): void {
    this.#loops ??= Promise.all(this.#schedules.map((one) => this.#keep(one)));
  }

  /** Times enqueued by this process, and the last failure. */
  snapshot(): { readonly enqueued: number; readonly lastError: unknown } {
    return { enqueued: this.#enqueued, lastError: this.#lastError };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loops;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #keep(one: Schedule): Promise<void> {
    const { clock } = this.#queue;
    const { signal } = this.#closing;
    const started = new Date(clock.now());
    if (one.catchUp) await this.#enqueue(one, one.times.previousRuns(1, started)[0]);
    for (let next = one.times.nextRun(started); next && !signal.aborted; ) {
      const waitMs = next.getTime() - clock.now();
      if (waitMs > 0) {
        await sleep(clock, Math.min(waitMs, LONGEST_SLEEP_MS), signal);
        continue;
      }
      // Times that passed meanwhile are one: the latest
      const now = new Date(clock.now());
      const latest = one.times.previousRuns(1, new Date(now.getTime() + 1))[0];
      await this.#enqueue(one, latest && latest > next ? latest : next);
      next = one.times.nextRun(now > next ? now : next);
    }
  }

  async #enqueue(one: Schedule, at: Date | undefined): Promise<void> {
    const { signal } = this.#closing;
    for (let tries = 1; at && !signal.aborted; tries++) {
      try {
        if (await this.#enqueueOnce(one, at)) this.#enqueued++;
        return;
      } catch (error) {
        this.#lastError = error;
        if (isInputError(error)) return; // the payload is wrong, and will be
        await this.#queue.pause(tries, signal);
      }
    }
  }

  /** False when another process has. */
  async #enqueueOnce({ name: one, job, payload }: Schedule, at: Date): Promise<boolean> {
    const enqueue = async (tx?: SqlExecutor): Promise<void> => {
      await this.#queue.enqueue(job, payload(at), tx && { tx });
    };
    const { outbox } = this.#queue;
    if (outbox) return outbox.onTime({ queue: job.queue, name: one }, at, enqueue);
    await enqueue();
    return true;
  }
}
