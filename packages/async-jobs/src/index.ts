export { JobQueue } from './async-jobs.ts';
export type { BrakeOptions, BrakeState } from './brake.ts';
export type { Clock } from './clock.ts';
export type { DeadLetter, DeadLetterFilter } from './dead-letter.ts';
export { DeadLetters, type DeadLetterWork, type ReplayOptions } from './dead-letters.ts';
export {
  type Death,
  defineJob,
  type HandleOptions,
  handle,
  type JobContext,
  type JobDefinition,
  type JobHandler,
  type JobOptions,
  type PreparedStatement,
  type Priority,
  type RetryOptions,
  type SqlExecutor,
} from './define-job.ts';
export {
  CommitError,
  IdempotencyConflictError,
  JobAbortedError,
  JobNotAcceptedError,
  JobPayloadError,
  JobPayloadTooLargeError,
  JobResultError,
  JobsError,
  JobsUnhealthyError,
  JobTimeoutError,
  JobTokenError,
  LettersScatteredError,
  NonRetryableError,
  QueueClosedError,
  RetryLater,
  SpoolFullError,
  TopicMissingError,
  TransportTimeoutError,
} from './errors.ts';
export {
  type Flow,
  type FlowInput,
  type FlowJob,
  type FlowStatus,
  type FlowStep,
  flow,
  step,
} from './flow.ts';
export { type BatchItem, type BatchOptions, handleBatch } from './handle-batch.ts';
export type { KafkaLike } from './kafkajs-client.ts';
export { type KafkajsTransportOptions, kafkajsTransport } from './kafkajs-transport.ts';
export { memoryStatus } from './memory-status.ts';
export { type MemoryTransport, memoryTransport } from './memory-transport.ts';
export type { FlowState, Outbox } from './outbox.ts';
export { OutboxRelay, type RelayOptions, type RelaySnapshot } from './outbox-relay.ts';
export type { PlatformaticConnection, PlatformaticLike } from './platformatic-client.ts';
export {
  type PlatformaticTransportOptions,
  platformaticTransport,
} from './platformatic-transport.ts';
export type { PgClientLike, PgPoolLike } from './postgres-connection.ts';
export { type PostgresOutboxOptions, postgresOutbox } from './postgres-outbox.ts';
export type * from './queue-options.ts';
export type { RateLimit, RateLimitOptions } from './rate-limit.ts';
export type { DeadReason } from './record.ts';
export { redisRateLimit } from './redis-rate-limit.ts';
export { type RedisSpoolOptions, redisSpool } from './redis-spool.ts';
export {
  type RedisLike,
  type RedisStatusOptions,
  type RedisSubscriberLike,
  redisStatus,
} from './redis-status.ts';
export { type Schedule, type ScheduleOptions, Scheduler, schedule } from './scheduler.ts';
export type { Spool } from './spool.ts';
export type { SchemaInput, SchemaIssue, SchemaOutput, StandardSchema } from './standard-schema.ts';
export type { JobState, JobStatus, StatusStore, StatusUpdate } from './status.ts';
export type { TokenOptions } from './token.ts';
export type { TraceContext } from './trace-context.ts';
export type * from './transport.ts';
export { Worker } from './worker.ts';
export type { DrainResult, JobReference, WorkerSnapshot } from './worker-events.ts';
export type { WorkerOptions } from './worker-options.ts';
