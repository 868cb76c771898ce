export type { CheckFunction, CheckOptions, CheckScope, CheckSource } from './check.ts';
export { type DiskCheckOptions, diskCheck } from './checks/disk-check.ts';
export { type EventLoopCheckOptions, eventLoopCheck } from './checks/event-loop-check.ts';
export { type HeapCheckOptions, heapCheck } from './checks/heap-check.ts';
export { type HttpCheckOptions, httpCheck } from './checks/http-check.ts';
export {
  type KafkaAdminLike,
  type KafkaCheckOptions,
  type KafkaLike,
  kafkaCheck,
} from './checks/kafka-check.ts';
export type { PgPoolSource } from './checks/own-connection.ts';
export { type PgCheckOptions, pgCheck } from './checks/pg-check.ts';
export { type PgPoolCheckOptions, type PgPoolCounts, pgPoolCheck } from './checks/pg-pool-check.ts';
export { type RedisCheckOptions, type RedisLike, redisCheck } from './checks/redis-check.ts';
export { type ReplicaLagCheckOptions, replicaLagCheck } from './checks/replica-lag-check.ts';
export {
  type SyntheticCheckOptions,
  type SyntheticStep,
  syntheticCheck,
} from './checks/synthetic-check.ts';
export type { ShutdownPhase, ShutdownPhases, ShutdownStep } from './drain/phases.ts';
export type { UncaughtPolicy } from './drain/process-signals.ts';
export type { CutWork, FailedStep, ShutdownReport } from './drain/shutdown-report.ts';
export type { WebSocketLike, WebSocketServerLike } from './drain/websocket-drain.ts';
export { CheckTimeoutError, UnexpectedDataError } from './errors.ts';
export { expressHealth } from './express.ts';
export {
  type FastifyLike,
  type FastifyReplyLike,
  type FastifyRequestLike,
  fastifyHealth,
} from './fastify.ts';
export {
  GracefulShutdown,
  type GracefulShutdownEvents,
  type GracefulShutdownOptions,
} from './graceful-shutdown.ts';
export {
  type GroupChange,
  Health,
  type HealthChange,
  type HealthEvents,
  type HealthOptions,
  type HealthSnapshot,
} from './health.ts';
export type { CheckHistory, HistoryChange } from './history.ts';
export { type HttpHandlerOptions, httpHandler } from './http-handler.ts';
export type { Quorum, QuorumCount, QuorumVote } from './quorum.ts';
export { type QuorumRedisLike, type RedisQuorumOptions, redisQuorum } from './redis-quorum.ts';
export type { CheckReport, GroupReport, HealthStatus } from './report.ts';
