import type { Board } from './board.ts';
import type { HoldRow } from './engine/pool-state.ts';
import { StockMismatchError } from './errors.ts';
import { unpackLines } from './items.ts';
import { knownOptions } from './known-options.ts';
import { insertHolds, PostgresBoard } from './postgres-board.ts';
import { holdsToJournal, readLedger, writeJournal } from './postgres-journal.ts';
import { callersWork, type Ending, type PgPoolLike, transaction } from './postgres-transaction.ts';
import { checkSchema, migrationSql } from './schema.ts';
import { firstDifference, type StockLine } from './stock.ts';
import type {
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

/** Options of a `PostgresStore`. */
export type PostgresStoreOptions = {
  /** Schema of the tables. Default `soft_hold`. */
  schema?: string;
  /** Deadline of each transaction, the caller's rows included, in ms. Default 10,000. */
  timeoutMs?: number;
};

const REBUILD_TIMEOUT_MS = 120_000;
const kept = <T>(value: T): Ending<T> => ({ commit: true, value });
const undone = <T>(value: T): Ending<T> => ({ commit: false, value });

/**
 * The decision rows in PostgreSQL.
 *
 * One transaction decides: it inserts the outcome (which makes everybody else who wants to decide
 * about the same hold wait, then read), runs the caller's rows, and takes the units off the stock
 * last, because every sale of a SKU queues at that one row.
 */
export class PostgresStore implements HoldStore {
  readonly #pg: PgPoolLike;
  readonly #schema: string;
  readonly #timeoutMs: number;

  /** @throws TypeError or RangeError when an option is wrong. */
  constructor(pg: PgPoolLike, options: PostgresStoreOptions = {}) {
    if (typeof pg?.connect !== 'function') throw new TypeError('Expected `pg` to be a pg Pool');
    knownOptions(options, { schema: true, timeoutMs: true });
    const timeoutMs = options.timeoutMs ?? 10_000;
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1)
      throw new RangeError(`Expected \`timeoutMs\` to be a positive integer, got ${timeoutMs}`);
    this.#pg = pg;
    this.#schema = checkSchema(options.schema ?? 'soft_hold');
    this.#timeoutMs = timeoutMs;
  }

  migrate(): Promise<void> {
    return this.#transaction(async (tx) => {
      // IF NOT EXISTS alone fails when two processes create at the same moment
      await tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`${this.#schema}.migrate`]);
      await tx.query(migrationSql(this.#schema));
      return kept(undefined);
    });
  }

  open(pool: string, stock: StockLine[]): Promise<StoredPool> {
    return this.#transaction(async (tx) => {
      await tx.query(`INSERT INTO ${this.#schema}.pool (pool) VALUES ($1) ON CONFLICT DO NOTHING`, [
        pool,
      ]);
      const found = await this.#read(tx, pool, 'FOR UPDATE');
      if (found === null) throw new Error(`pool ${pool} vanished`);
      if (found.stock.length > 0) {
        const opened = await tx.query<StockLine>(
          `SELECT sku, opened AS total, seats, map FROM ${this.#schema}.sku WHERE pool = $1`,
          [pool],
        );
        const different = firstDifference(stock, opened.rows);
        return kept({ stored: found, different });
      }
      for (const { sku, total, seats, map } of stock) {
        await tx.query(
          `INSERT INTO ${this.#schema}.sku (pool, sku, total, opened, seats, map, epoch)
           VALUES ($1, $2, $3, $3, $4, $5, $6)`,
          [pool, sku, total, seats, map && JSON.stringify(map), found.epoch],
        );
      }
      return kept({ stored: { ...found, stock }, different: null });
    }).then(({ stored, different }) => {
      if (different !== null) throw new StockMismatchError(pool, different);
      return stored;
    });
  }

  find(pool: string): Promise<StoredPool | null> {
    return this.#transaction(async (tx) => {
      const found = await this.#read(tx, pool);
      return kept(found && found.stock.length > 0 ? found : null);
    });
  }

  where(pool: string): Promise<Where | null> {
    return this.#transaction(async (tx) => {
      const { rows } = await tx.query(
        `SELECT epoch::float8, board FROM ${this.#schema}.pool WHERE pool = $1`,
        [pool],
      );
      return undone(rows[0] ?? null);
    });
  }

  setPaused(pool: string, paused: boolean): Promise<void> {
    return this.#transaction(async (tx) => {
      await tx.query(`UPDATE ${this.#schema}.pool SET paused = $2 WHERE pool = $1`, [pool, paused]);
      return kept(undefined);
    });
  }

  decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict> {
    return this.#transaction<Verdict>(async (tx) => {
      const decided = await this.#insert(tx, decision, 'sold');
      if (decided !== null) return undone(decided === 'sold' ? 'already_sold' : decided);
      await callersWork(tx, work);
      // sorted by SKU, as packed: two sales never wait for each other crosswise
      for (const { sku, quantity, seats } of unpackLines(decision.items)) {
        const taken = await tx.query(
          `UPDATE ${this.#schema}.sku SET sold = sold + $4
            WHERE pool = $1 AND sku = $2 AND epoch = $3 AND sold + $4 <= total`,
          [decision.pool, sku, decision.epoch, quantity],
        );
        if (taken.rowCount !== 1) {
          const now = await tx.query(
            `SELECT 1 FROM ${this.#schema}.sku WHERE pool = $1 AND sku = $2 AND epoch = $3`,
            [decision.pool, sku, decision.epoch],
          );
          return undone(now.rowCount === 1 ? 'overdrawn' : 'stale_epoch');
        }
        if (seats.length === 0) continue;
        const seated = await tx.query(
          `INSERT INTO ${this.#schema}.seat (pool, sku, seat, hold_id)
           SELECT $1, $2, unnest($3::text[]), $4 ON CONFLICT DO NOTHING`,
          [decision.pool, sku, seats, decision.id],
        );
        if (seated.rowCount !== seats.length) return undone('overdrawn');
      }
      return kept('sold');
    });
  }

  decideVoid(decision: Omit<Decision, 'epoch'>): Promise<Outcome> {
    return this.#transaction(async (tx) =>
      kept((await this.#insert(tx, decision, 'void')) ?? ('void' as const)),
    );
  }

  decideReturn(
    pool: string,
    id: string,
    work: (tx: Transaction) => Promise<void>,
  ): Promise<'returned' | 'already_returned' | null> {
    return this.#transaction<'returned' | 'already_returned' | null>(async (tx) => {
      const { rows } = await tx.query<Sale>(
        `UPDATE ${this.#schema}.outcome SET outcome = 'returned'
          WHERE pool = $1 AND hold_id = $2 AND outcome = 'sold' RETURNING items`,
        [pool, id],
      );
      const sale = rows[0];
      if (sale === undefined)
        return undone(
          (await this.#outcome(tx, pool, id)) === 'returned' ? 'already_returned' : null,
        );
      await callersWork(tx, work);
      for (const { sku, quantity } of unpackLines(sale.items)) {
        await tx.query(
          `UPDATE ${this.#schema}.sku SET sold = sold - $3 WHERE pool = $1 AND sku = $2`,
          [pool, sku, quantity],
        );
      }
      await tx.query(`DELETE FROM ${this.#schema}.seat WHERE pool = $1 AND hold_id = $2`, [
        pool,
        id,
      ]);
      return kept('returned');
    });
  }

  outcome(pool: string, id: string): Promise<Outcome | null> {
    return this.#transaction(async (tx) => undone(await this.#outcome(tx, pool, id)));
  }

  sale(pool: string, id: string): Promise<(Sale & { outcome: Outcome }) | null> {
    return this.#transaction(async (tx) => {
      const { rows } = await tx.query(
        `SELECT hold_id AS id, holder, items, want, outcome FROM ${this.#schema}.outcome
          WHERE pool = $1 AND hold_id = $2`,
        [pool, id],
      );
      return undone(rows[0] ?? null);
    });
  }

  board(pool: string): Board {
    return new PostgresBoard((work) => this.#transaction(work), this.#schema, pool);
  }

  locked<T>(pool: string, work: (locked: LockedPool) => Promise<T>): Promise<T> {
    const run = async (tx: Transaction) => {
      const found = await this.#read(tx, pool, 'FOR UPDATE');
      if (found === null) throw new Error(`pool ${pool} is not in the store`);
      const advance = async (epoch: number, board: BoardName) => {
        // in the order in which decisions take them; waits for those under way
        await tx.query(
          `SELECT 1 FROM ${this.#schema}.sku WHERE pool = $1 ORDER BY sku COLLATE "C" FOR UPDATE`,
          [pool],
        );
        await tx.query(`UPDATE ${this.#schema}.sku SET epoch = $2 WHERE pool = $1`, [pool, epoch]);
        if (found.board === 'store') await holdsToJournal(tx, this.#schema, pool);
        await tx.query(
          `UPDATE ${this.#schema}.pool SET epoch = $2, board = 'redis', seq = 0, grants = 0
            WHERE pool = $1`,
          [pool, epoch],
        );
        const ledger = await readLedger(tx, this.#schema, pool);
        await tx.query(`UPDATE ${this.#schema}.pool SET board = $2 WHERE pool = $1`, [pool, board]);
        return ledger;
      };
      const fill = async (rows: readonly HoldRow[], now: number) => {
        await insertHolds(tx, this.#schema, pool, rows, 0);
        await tx.query(
          `UPDATE ${this.#schema}.pool SET clock = greatest(clock, $2) WHERE pool = $1`,
          [pool, now],
        );
      };
      const setTotal = async (sku: string, total: number) => {
        await tx.query(`UPDATE ${this.#schema}.sku SET total = $3 WHERE pool = $1 AND sku = $2`, [
          pool,
          sku,
          total,
        ]);
      };
      const ledger = () => readLedger(tx, this.#schema, pool);
      const value = await work({ ...found, advance, fill, ledger, setTotal });
      return kept(value);
    };
    return transaction(this.#pg, REBUILD_TIMEOUT_MS, run);
  }

  ledger(pool: string): Promise<Ledger> {
    return this.#transaction(async (tx) => {
      await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ'); // one moment for all tables
      return kept(await readLedger(tx, this.#schema, pool));
    });
  }

  journal(
    pool: string,
    granted: readonly JournalEntry[],
    ended: readonly JournalEnd[],
  ): Promise<void> {
    return this.#transaction(async (tx) => {
      await writeJournal(tx, this.#schema, pool, granted, ended);
      return kept(undefined);
    });
  }

  trimJournal(pool: string, time: number): Promise<void> {
    return this.#transaction(async (tx) => {
      await tx.query(`DELETE FROM ${this.#schema}.journal WHERE pool = $1 AND expires_at < $2`, [
        pool,
        time,
      ]);
      return kept(undefined);
    });
  }

  ping(): Promise<void> {
    return this.#transaction(async (tx) => {
      await tx.query('SELECT 1');
      return kept(undefined);
    });
  }

  /** null when this call decided, else what had been decided before. */
  async #insert(tx: Transaction, decision: Omit<Decision, 'epoch'>, outcome: 'sold' | 'void') {
    const { pool, id, holder, items, want } = decision;
    const inserted = await tx.query(
      `INSERT INTO ${this.#schema}.outcome (pool, hold_id, outcome, holder, items, want)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [pool, id, outcome, holder, items, want],
    );
    return inserted.rowCount === 1 ? null : this.#outcome(tx, pool, id);
  }

  async #outcome(tx: Transaction, pool: string, id: string): Promise<Outcome | null> {
    const { rows } = await tx.query(
      `SELECT outcome FROM ${this.#schema}.outcome WHERE pool = $1 AND hold_id = $2`,
      [pool, id],
    );
    return rows[0]?.outcome ?? null;
  }

  async #read(tx: Transaction, pool: string, lock = ''): Promise<StoredPool | null> {
    const { rows } = await tx.query(
      `SELECT epoch, board, paused FROM ${this.#schema}.pool WHERE pool = $1 ${lock}`,
      [pool],
    );
    const row = rows[0];
    if (row === undefined) return null;
    const { rows: stock } = await tx.query<StockLine>(
      `SELECT sku, total, seats, map FROM ${this.#schema}.sku WHERE pool = $1 ORDER BY sku COLLATE "C"`,
      [pool],
    );
    return { epoch: Number(row.epoch), board: row.board, paused: row.paused, stock };
  }

  #transaction<T>(work: (tx: Transaction) => Promise<Ending<T>>): Promise<T> {
    return transaction(this.#pg, this.#timeoutMs, work);
  }
}
