export {
  FallbackFullError,
  RolledBackError,
  StalePrimaryError,
} from './postgres/errors.ts';
export type { PgPoolClientLike, PgPoolLike, PgQueries, PgResult } from './postgres/pg-like.ts';
export type { PgSession } from './postgres/pg-session.ts';
export type { PoolerWarning } from './postgres/pooler-hazards.ts';
export {
  type ReadOptions,
  type ReadWriteEvents,
  ReadWriteRouter,
  type ReadWriteRouterOptions,
  type ReadWriteSnapshot,
  type ReplicaChange,
  type ReplicaReport,
  type WriteOptions,
} from './postgres/read-write-router.ts';
