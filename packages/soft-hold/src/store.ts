import type { Board } from './board.ts';
import type { HoldRow } from './engine/pool-state.ts';
import type { StockLine } from './stock.ts';

/** A transaction as the caller of `commit()` sees it: parameterised queries, nothing else. */
export type Transaction = {
  // biome-ignore lint/suspicious/noExplicitAny: rows are whatever the caller selects
  query<Row = any>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number | null }>;
};

/** Where the holds of a pool are: in Redis, or beside the decisions in the store itself. */
export type BoardName = 'redis' | 'store';

/** Which board grants, and in which epoch. `epoch` 0 means: none has been filled yet. */
export type Where = { epoch: number; board: BoardName };

/** A pool as the store knows it. */
export type StoredPool = Where & { paused: boolean; stock: StockLine[] };

/** What is to be decided about one hold. */
export type Decision = Sale & { pool: string; epoch: number };

/**
 * `sold` and `already_sold`, `void`, `returned`: what the decision row says. `stale_epoch`: the board
 * has been filled anew since the hold was pinned. `overdrawn`: more than the stock would be sold,
 * which the board must have lost count of. The last two wrote nothing.
 */
export type Verdict = 'sold' | 'already_sold' | 'void' | 'returned' | 'stale_epoch' | 'overdrawn';

/** What the decision row says. */
export type Outcome = 'sold' | 'void' | 'returned';

/**
 * The sale behind a decision row. `items` is the packed line of items.ts, `want` what had been asked
 * for where that differs, else ''.
 */
export type Sale = { id: string; holder: string; items: string; want: string };

/** A granted hold in the journal. Times are the board's, in ms. */
export type JournalEntry = {
  id: string;
  token: string;
  holder: string;
  items: string;
  /** What was asked for, where that differs from the items; else ''. */
  want: string;
  createdAt: number;
  expiresAt: number;
};

/** A journalled hold is over. `time` is the board's, in ms. */
export type JournalEnd = { id: string; token: string; time: number };

/** All that the store knows of a pool. */
export type Ledger = {
  skus: (StockLine & { sold: number; seatsSold: number })[];
  sold: Sale[];
  /** Holds nobody has decided about, newest first: of the journal, or of the store's own board. */
  open: JournalEntry[];
};

/** The pool while its row is locked. */
export type LockedPool = StoredPool & {
  /**
   * Starts a new epoch, after which no decision of an older one can be made, and reads it all. To
   * `store`: that board is empty then, see `fill`. Away from it: its open holds go into the journal.
   */
  advance(epoch: number, board: BoardName): Promise<Ledger>;
  /** Puts holds on the store's own board. `now` is the least its clock may show, in ms. */
  fill(rows: readonly HoldRow[], now: number): Promise<void>;
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
  /** null when the pool was never opened. Cheap: asked once a second. */
  where(pool: string): Promise<Where | null>;
  setPaused(pool: string, paused: boolean): Promise<void>;
  /** Decides for `sold`, with the caller's own rows in the same transaction. */
  decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict>;
  /** Decides for `void` unless it is decided already; answers what now stands. */
  decideVoid(decision: Omit<Decision, 'epoch'>): Promise<Outcome>;
  /** Takes a sale back, with the caller's own rows in the same transaction; null when it is none. */
  decideReturn(
    pool: string,
    id: string,
    work: (tx: Transaction) => Promise<void>,
  ): Promise<'returned' | 'already_returned' | null>;
  outcome(pool: string, id: string): Promise<Outcome | null>;
  sale(pool: string, id: string): Promise<(Sale & { outcome: Outcome }) | null>;
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
  /** The store as a board of its own: for a pool without Redis, or while Redis is away. */
  board(pool: string): Board;
  /** Rejects when the store does not answer. */
  ping(): Promise<void>;
}
