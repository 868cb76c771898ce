export type {
  Board,
  BoardCall,
  BoardReply,
  BoardStep,
  StepReader,
} from './board.ts';
export type { PoolSnapshot } from './counters.ts';
export type { HoldPoolEvents } from './emitter.ts';
export type { HoldRow, StateLetter } from './engine/pool-state.ts';
export {
  HoldInputError,
  HoldUnavailableError,
  PoolClosedError,
  PoolNotOpenError,
  StockMismatchError,
} from './errors.ts';
export { MemoryStore, type MemoryStoreOptions } from './memory-store.ts';
export type { HoldPoolOptions } from './options.ts';
export { PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';
export type { PgClientLike, PgPoolLike } from './postgres-transaction.ts';
export type { FeedConnection, RedisLike } from './redis.ts';
export { migrationSql } from './schema.ts';
export type { SeatMap } from './seat-plan.ts';
export { HoldPool } from './soft-hold.ts';
export type { StockLine } from './stock.ts';
export type {
  BoardName,
  Decision,
  HoldStore,
  JournalEnd,
  JournalEntry,
  Ledger,
  LockedPool,
  Outcome,
  Sale,
  StoredPool,
  Transaction,
  Verdict,
  Where,
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
  OnProgress,
  ReleaseResult,
  ReplaceResult,
  ReturnResult,
  SeatState,
  Stock,
  TotalResult,
  Verification,
} from './types.ts';
