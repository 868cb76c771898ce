import type { SqlExecutor } from './define-job.ts';
import type { QueuedJob } from './record.ts';

/** An idempotency key as it is claimed together with the job. */
export interface IdempotencyClaim {
  readonly key: string;
  /** Hash of job name and payload: the same key with another one is a conflict. */
  readonly fingerprint: string;
  /** Milliseconds after which the key may be used anew. */
  readonly windowMs: number;
}

/** What became of an idempotency key: claimed now, or held by an earlier job. */
export type ClaimOutcome =
  | { readonly state: 'claimed' }
  | { readonly state: 'held'; readonly jobId: string; readonly fingerprint: string };

/** A schedule: of which queue's job, and its name. */
export interface ScheduleKey {
  readonly queue: string;
  readonly name: string;
}

/** How long rows are kept, in milliseconds: of effects and schedules, of idempotency keys, of flows that have ended. */
export interface PruneWindows {
  readonly inboxMs: number;
  readonly idempotencyMs: number;
  readonly flowsMs: number;
}

/** Which effect of which job, for which consumer. */
export interface InboxKey {
  readonly consumer: string;
  readonly jobId: string;
  readonly step: string;
}

/** A flow's row. */
export interface FlowRow {
  readonly id: string;
  readonly name: string;
  readonly payload: unknown;
  readonly state: FlowState;
  /** The step whose end is waited for; steps below it are done. */
  readonly step: number;
  /** What the steps returned. */
  readonly results: readonly unknown[];
  readonly error: string | null;
  /** Hash of name and payload, for idempotency keys. */
  readonly fingerprint: string;
}

/** `running`: steps forward. `compensating`: backward, after a step was given up. The others are final; `stuck` when a compensation was given up. */
export type FlowState = 'running' | 'compensating' | 'succeeded' | 'compensated' | 'stuck';

/**
 * The database side of jobs: the outbox they leave from, the idempotency keys, and the inbox that
 * makes effects happen once. Driver: `postgresOutbox`.
 */
export interface Outbox {
  readonly shards: number;
  /** Creates and upgrades the tables. Idempotent, and safe from several processes at once. */
  migrate(): Promise<void>;
  /** Adds jobs, in the caller's transaction when one is given. */
  insert(jobs: readonly QueuedJob[], tx?: SqlExecutor): Promise<void>;
  /** Claims the key and adds the job, or does neither. */
  insertOnce(job: QueuedJob, claim: IdempotencyClaim, tx?: SqlExecutor): Promise<ClaimOutcome>;
  /** Deletes a job that still waits; its name, or null when it is not (or no longer) there, is being sent, or is a step of a flow, which has to hear of its end. */
  remove(jobId: string): Promise<string | null>;
  /** Lets delayed jobs that are due join the waiting ones: how many, and milliseconds to the next (null: none). */
  promote(limit: number): Promise<{ readonly promoted: number; readonly nextInMs: number | null }>;
  /** Adds a flow's row unless its id is there, and runs `then` in the same transaction when it was added. */
  startFlow(
    row: FlowRow,
    then: (tx: SqlExecutor) => Promise<void>,
    tx?: SqlExecutor,
  ): Promise<FlowRow>;
  /** Locks a flow's row, and stores what `change` makes of it in the same transaction; null leaves it as it is. */
  changeFlow(
    id: string,
    change: (row: FlowRow, tx: SqlExecutor) => Promise<FlowRow | null>,
  ): Promise<void>;
  readFlow(id: string): Promise<FlowRow | null>;
  /** The shards that have jobs waiting. */
  waiting(): Promise<number[]>;
  /**
   * Takes up to `limit` jobs of a shard in order, gives them to `deliver` and deletes them in the
   * same transaction once that has resolved. Returns how many, or `busy` when another relay works
   * on this shard.
   */
  take(
    shard: number,
    limit: number,
    deliver: (jobs: readonly QueuedJob[]) => Promise<void>,
  ): Promise<number | 'busy'>;
  /** Calls `wake` after jobs have been committed. Resolves when it listens; `lost` says that it no longer does. */
  listen(wake: () => void, lost: (error: unknown) => void): Promise<() => Promise<void>>;
  /** Runs `work` in a transaction whose first statement is the inbox row, or returns the earlier result. */
  once<T>(key: InboxKey, work: (tx: SqlExecutor) => Promise<T>): Promise<OnceOutcome<T>>;
  /** Notes a time of a schedule, and runs `then` in the same transaction unless it was noted before. True when it ran. */
  onTime(
    schedule: ScheduleKey,
    at: Date,
    then: (tx: SqlExecutor) => Promise<void>,
  ): Promise<boolean>;
  /** Deletes what is older than its window, but the last time of each schedule, until all is or `signal` aborts; returns how many rows. */
  prune(windows: PruneWindows, signal: AbortSignal): Promise<number>;
  /** Gives back the room of jobs that have been taken, so that the table stays small at any rate. */
  tidy(): Promise<void>;
  /** Age of the oldest waiting job in milliseconds; 0 when none waits. */
  oldestMs(): Promise<number>;
}

/** Result of an inbox transaction; `replayed` when an earlier delivery had committed it. */
export interface OnceOutcome<T> {
  readonly value: T;
  readonly replayed: boolean;
}
