import type { Attempt, AttemptEnvironment, JobFacts } from './attempt.ts';
import type { Brake } from './brake.ts';
import type { JobHandler, Priority } from './define-job.ts';
import { textOf } from './options.ts';
import type { JobStatus } from './status.ts';
import type { IncomingRecord } from './transport.ts';

/** A record on its way through one consumer. */
export interface Delivery {
  readonly record: IncomingRecord;
  /** Key of its lane. */
  readonly key: string;
  readonly buffer: { readonly priority: Priority };
  /** Not owned any more when it was taken away: the outcome is another member's business. */
  readonly partition: { readonly topic: string; readonly id: number; readonly owned: boolean };
}

/** A job's long wait for its next attempt. */
export interface Wait {
  readonly partition: Delivery['partition'];
  end(): void;
}

/** What runs share. */
export interface RunEnvironment extends AttemptEnvironment {
  readonly queue: string;
  readonly handlers: ReadonlyMap<string, JobHandler>;
  readonly random: () => number;
  /** Aborts when no attempt may start any more. */
  readonly stopping: AbortSignal;
  readonly report: (status: JobStatus, sequence?: number) => void;
  /** True when somebody can read the statuses. */
  readonly reports: boolean;
  readonly error: (error: unknown) => void;
  /** True while the group is being rebalanced: nothing may start. */
  readonly frozen: () => boolean;
  /** Resolves when nothing is frozen, or nothing starts any more. */
  readonly thaw: () => Promise<void>;
  readonly brake: Brake;
  /** Runs one attempt when there is a free place. */
  readonly slot: <T>(priority: Priority, work: () => Promise<T>) => Promise<T>;
  /** Attempts that are running now, and whose partition they are of. */
  readonly running: Map<Attempt, Delivery['partition']>;
  /** Long waits, by job: a cancellation ends them, and the loss of their partition. */
  readonly waiting: Map<string, Wait>;
  readonly cancelled: (id: string) => boolean;
  /** Says that a key's lane waits for long, or goes on. */
  readonly park: (key: string, parked: boolean) => void;
  readonly started: (facts: JobFacts, attempt: number) => void;
  readonly failed: (facts: JobFacts, attempt: number, error: unknown) => void;
}

/** Tells the status of a job. */
export function tell(
  env: Pick<RunEnvironment, 'report' | 'clock'>,
  { id, name }: Pick<JobFacts, 'id' | 'name'>,
  attempt: number,
  state: JobStatus['state'],
  progress: number,
  more?: Partial<JobStatus>,
  sequence = 0,
): void {
  const atMs = env.clock.now();
  env.report({ id, name, state, attempt, progress, ...more, atMs }, sequence);
}

/** What a status says of an error. */
export function plain(error: unknown): { name: string; message: string } {
  return error instanceof Error
    ? { name: textOf(error.name), message: textOf(error.message).slice(0, 1_000) }
    : { name: typeof error, message: textOf(error).slice(0, 1_000) };
}
