import type { BrakeState } from './brake.ts';
import type { SubscriptionHealth } from './transport.ts';

/** A job as the worker's events name it. */
export interface JobReference {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
}

/** What a worker emits. */
export interface WorkerEvents {
  /** A handler has returned and its job is done. `latencyMs` counts from enqueue. */
  completed: (event: JobReference & { readonly latencyMs: number }) => void;
  /** An attempt has failed. */
  failed: (event: JobReference & { readonly attempt: number; readonly error: unknown }) => void;
  /** A job is among the dead letters. */
  dead: (
    event: JobReference & {
      readonly reason: string;
      readonly attempts: number;
      readonly error: unknown;
    },
  ) => void;
  /** A job was found cancelled, or aborted for it. */
  cancelled: (event: JobReference) => void;
  /** A queue was parked because its jobs fail, or goes on. */
  brake: (event: { readonly queue: string; readonly state: BrakeState }) => void;
  /** Kafka or a commit failed; the worker goes on by itself. */
  error: (error: unknown) => void;
}

/** Figures of a worker. */
export interface WorkerSnapshot {
  readonly state: 'idle' | 'running' | 'draining' | 'closed';
  readonly completed: number;
  readonly failed: number;
  readonly dead: number;
  /** Jobs put on a retry topic. */
  readonly retried: number;
  /** Effects of `ctx.tx` that an earlier delivery had committed. */
  readonly duplicates: number;
  readonly queues: readonly {
    readonly queue: string;
    readonly buffered: number;
    readonly bufferedBytes: number;
    /** Of the buffered: held ones that wait for long, and those behind them. */
    readonly parked: number;
    readonly running: number;
    readonly lanes: number;
    /** Records on Kafka that are not finished, as known from reading. */
    readonly lag: number;
    /** Milliseconds since offsets were last committed. */
    readonly commitAgeMs: number;
    readonly brake: BrakeState;
    readonly consumer: SubscriptionHealth;
    /** What carries jobs back that wait on the retry topics: records there when it last read (it does when the first is due), and its client. */
    readonly retries: {
      readonly lag: number;
      readonly commitAgeMs: number;
      readonly consumer: SubscriptionHealth;
    };
  }[];
}

/** How a drain ended. */
export interface DrainResult {
  /** Handlers that were still running at the end and were given up; their jobs run elsewhere. */
  readonly abandoned: number;
  readonly tookMs: number;
}
