export {
  type EnqueueOptions,
  JobQueue,
  type JobQueueOptions,
  type JobTicket,
  type TopicOptions,
} from './async-jobs.ts';
export type { BrakeOptions, BrakeState } from './brake.ts';
export type { Clock } from './clock.ts';
export {
  defineJob,
  type HandleOptions,
  handle,
  type JobContext,
  type JobDefinition,
  type JobHandler,
  type JobOptions,
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
  JobsError,
  JobsUnhealthyError,
  JobTimeoutError,
  NonRetryableError,
  QueueClosedError,
  TransportTimeoutError,
} from './errors.ts';
export type { KafkaLike } from './kafkajs-client.ts';
export { type KafkajsTransportOptions, kafkajsTransport } from './kafkajs-transport.ts';
export { type MemoryTransport, memoryTransport } from './memory-transport.ts';
export type { Outbox } from './outbox.ts';
export { OutboxRelay, type RelayOptions, type RelaySnapshot } from './outbox-relay.ts';
export {
  type PgClientLike,
  type PgPoolLike,
  type PostgresOutboxOptions,
  postgresOutbox,
} from './postgres-outbox.ts';
export {
  type RedisLike,
  type RedisStatusOptions,
  type RedisSubscriberLike,
  redisStatus,
} from './redis-status.ts';
export type { SchemaInput, SchemaIssue, SchemaOutput, StandardSchema } from './standard-schema.ts';
export type { JobState, JobStatus, StatusStore, StatusUpdate } from './status.ts';
export type { TraceContext } from './trace-context.ts';
export type * from './transport.ts';
export {
  type DrainResult,
  type JobReference,
  Worker,
  type WorkerOptions,
  type WorkerSnapshot,
} from './worker.ts';
