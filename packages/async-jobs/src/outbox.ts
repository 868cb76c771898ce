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

/** Which effect of which job, for which consumer. */
export interface InboxKey {
  readonly consumer: string;
  readonly jobId: string;
  readonly step: string;
}

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
  /** Deletes inbox rows and idempotency keys that are older than their window, and returns how many. */
  prune(inboxWindowMs: number, idempotencyWindowMs: number): Promise<number>;
  /** Age of the oldest waiting job in milliseconds; 0 when none waits. */
  oldestMs(): Promise<number>;
}

/** Result of an inbox transaction; `replayed` when an earlier delivery had committed it. */
export interface OnceOutcome<T> {
  readonly value: T;
  readonly replayed: boolean;
}
