import type { Clock } from './clock.ts';
import type { SqlExecutor } from './define-job.ts';
import type { Outbox } from './outbox.ts';
import type { Spool } from './spool.ts';
import type { StatusStore } from './status.ts';
import type { TokenOptions } from './token.ts';
import type { TraceContext } from './trace-context.ts';
import type { Transport } from './transport.ts';

/** What `new JobQueue` takes. */
export interface JobQueueOptions {
  /** What jobs travel on: `kafkajsTransport(kafka)`, `platformaticTransport(kafka, { connection })` or, in tests, `memoryTransport()`. */
  readonly transport: Transport;
  /** `postgresOutbox(pool)`: jobs leave with the caller's transaction, idempotency keys, `ctx.tx`, flows. Without it jobs are sent directly. */
  readonly outbox?: Outbox;
  /** `redisSpool(redis)`: takes directly sent jobs while Kafka does not. Not used with an outbox, which does that better. */
  readonly spool?: Spool;
  /** `redisStatus(redis)`: live status and cancellation. Without it `status` gives null and `watch` ends at once. */
  readonly status?: StatusStore;
  /** Signs subscription tokens into the tickets, for `jobs/websocket` and `jobs/sse`. Default: tickets without. */
  readonly tokens?: TokenOptions;
  /** First part of every topic name. Default `jobs`. */
  readonly topicPrefix?: string;
  /** Milliseconds a direct send may take. Default 1,000. */
  readonly sendBudgetMs?: number;
  /** Milliseconds an idempotency key is remembered. Default 24 h. */
  readonly idempotencyWindowMs?: number;
  /** Largest payload in bytes of JSON. Default 900 KiB, below Kafka's default of 1 MiB a batch. */
  readonly maxPayloadBytes?: number;
  /** Asked at every `enqueue` for the trace it belongs to; the handler finds it as `ctx.trace`. */
  readonly traceContext?: () => TraceContext | undefined;
  readonly clock?: Clock;
  /** Source of jitter in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** What `enqueue` takes beside the payload. */
export interface EnqueueOptions {
  /** The same key (per queue) is the same job for `idempotencyWindowMs`: a second call changes nothing. Needs an outbox. */
  readonly idempotencyKey?: string;
  /** The caller's transaction: the job exists if and when it commits. Needs an outbox. */
  readonly tx?: SqlExecutor;
  /** Overrides the key the job's definition computes. */
  readonly key?: string;
  /** Milliseconds before which the job is not to run, up to a year. Up to a second late with an outbox, up to 6 s without. */
  readonly delayMs?: number;
}

/** The answer to `enqueue`: keep the `id` to follow the job. */
export interface JobTicket {
  readonly id: string;
  readonly state: 'accepted';
  /** True when an earlier call with this idempotency key had enqueued the job. */
  readonly deduplicated: boolean;
  /** Where the job is safe now: in the database (once the transaction commits), on Kafka, or in the spool. */
  readonly durability: Durability;
  /** Lets its holder follow the job; when the queue was given `tokens`. */
  readonly token?: string;
}

/** Where an accepted job is safe. */
export type Durability = 'outbox' | 'kafka' | 'spool';

/** How topics are created; an existing topic is left as it is. */
export interface TopicOptions {
  /** Partitions of a jobs topic. Default 6. */
  readonly partitions?: number;
  /** Copies of every partition. Default: the broker's. */
  readonly replicationFactor?: number;
}
