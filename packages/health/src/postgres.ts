export {
  FallbackFullError,
  RolledBackError,
  StalePrimaryError,
} from './postgres/errors.ts';
export type { PgPoolClientLike, PgPoolLike, PgQueries, PgResult } from './postgres/pg-like.ts';
export type { PgSession } from './postgres/pg-session.ts';
export type { PoolerWarning } from './postgres/pooler-hazards.ts';
export {
  type ReadWriteEvents,
  ReadWriteRouter,
  type ReadWriteSnapshot,
  type ReplicaChange,
  type ReplicaReport,
} from './postgres/read-write-router.ts';
export type {
  ReadOptions,
  ReadWriteRouterOptions,
  WriteOptions,
} from './postgres/router-options.ts';
