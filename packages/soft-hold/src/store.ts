import type { StockLine } from './input.ts';

/** A transaction as the caller of `commit()` sees it: parameterised queries, nothing else. */
export type Transaction = {
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the caller selects
  query<Row = any>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
};

/** A pool as the store knows it. `epoch` 0 means: never loaded into Redis yet. */
export type StoredPool = { epoch: number; paused: boolean; stock: StockLine[] };

/** What is to be decided about one hold. `items` is the packed line of input.ts. */
export type Decision = { pool: string; id: string; holder: string; items: string; epoch: number };

/**
 * `sold` and `already_sold`, `void`: what the decision row says. `stale_epoch`: Redis has been
 * rebuilt since the hold was pinned. `overdrawn`: more than the stock would be sold, which Redis
 * must have lost count of. The last two wrote nothing.
 */
export type Verdict = 'sold' | 'already_sold' | 'void' | 'stale_epoch' | 'overdrawn';

/** A granted hold in the journal. Times are the Redis server's, in ms. */
export type JournalEntry = {
  id: string;
  token: string;
  holder: string;
  items: string;
  createdAt: number;
  expiresAt: number;
};

/** A journalled hold is over. `time` is the Redis server's, in ms. */
export type JournalEnd = { id: string; token: string; time: number };

/** All that PostgreSQL knows of a pool. */
export type Ledger = {
  skus: { sku: string; total: number; sold: number; seatsSold: number; seats: string[] | null }[];
  sold: { id: string; holder: string; items: string }[];
  /** Journalled holds nobody has decided about, newest first. */
  open: JournalEntry[];
};

/** The pool while its row is locked. */
export type LockedPool = StoredPool & {
  /** Starts a new epoch, after which no decision of an older one can be made, and reads it all. */
  advance(epoch: number): Promise<Ledger>;
  ledger(): Promise<Ledger>;
  /** Changes the units of a counted SKU; fails when more are sold. */
  setTotal(sku: string, total: number): Promise<void>;
};

/**
 * Where it is decided who bought. One decision row per hold: whoever inserts it first has decided,
 * everybody else can only read it. No clock, lock or lease is part of that argument.
 */
export interface HoldStore {
  /** Creates or updates the tables. Idempotent; several processes may call it at once. */
  migrate(): Promise<void>;
  /** Records the pool and its stock, or checks that it is the same. @throws StockMismatchError */
  open(pool: string, stock: StockLine[]): Promise<StoredPool>;
  /** null when the pool was never opened. */
  find(pool: string): Promise<StoredPool | null>;
  setPaused(pool: string, paused: boolean): Promise<void>;
  /** Decides for `sold`, with the caller's own rows in the same transaction. */
  decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict>;
  /** Decides for `void` unless it is decided already; answers what now stands. */
  decideVoid(decision: Omit<Decision, 'epoch'>): Promise<'sold' | 'void'>;
  outcome(pool: string, id: string): Promise<'sold' | 'void' | null>;
  /** Holds the pool's row locked while `work` runs; commits what it did when it resolves. */
  locked<T>(pool: string, work: (locked: LockedPool) => Promise<T>): Promise<T>;
  ledger(pool: string): Promise<Ledger>;
  /**
   * Writes granted or extended holds down and marks ended ones. Other processes write too, so an end
   * may come before its grant; it stands nevertheless.
   */
  journal(
    pool: string,
    granted: readonly JournalEntry[],
    ended: readonly JournalEnd[],
  ): Promise<void>;
  /** Takes out journalled holds that expired or ended before `time`. */
  trimJournal(pool: string, time: number): Promise<void>;
  /** Rejects when the store does not answer. */
  ping(): Promise<void>;
}
