export type { HoldPoolEvents } from './emitter.ts';
export {
  HoldInputError,
  HoldUnavailableError,
  PoolClosedError,
  PoolNotOpenError,
  StockMismatchError,
} from './errors.ts';
export type { StockLine } from './input.ts';
export type { HoldPoolOptions } from './options.ts';
export { PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
export type { PgClientLike, PgPoolLike } from './postgres-transaction.ts';
export type { FeedConnection, RedisLike } from './redis.ts';
export { migrationSql } from './schema.ts';
export { HoldPool } from './soft-hold.ts';
export type {
  Decision,
  HoldStore,
  JournalEnd,
  JournalEntry,
  Ledger,
  LockedPool,
  StoredPool,
  Transaction,
  Verdict,
} from './store.ts';
export type {
  Availability,
  AvailabilitySnapshot,
  Change,
  ChangeEvent,
  CommitResult,
  Difference,
  EndedState,
  ExtendResult,
  Hold,
  HoldReference,
  HoldRequest,
  HoldResult,
  HoldState,
  Item,
  ReleaseResult,
  ReplaceResult,
  SeatState,
  Stock,
  TotalResult,
  Verification,
} from './types.ts';
