import { StockMismatchError } from './errors.ts';
import { type StockLine, unpackLines } from './input.ts';
import { callersWork, type Ending, type PgPoolLike, transaction } from './postgres-transaction.ts';
import { checkSchema, migrationSql } from './schema.ts';
import type {
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
          `SELECT sku, opened AS total, seats FROM ${this.#schema}.sku WHERE pool = $1`,
          [pool],
        );
        const different = firstDifference(stock, opened.rows);
        return kept({ stored: found, different });
      }
      for (const { sku, total, seats } of stock) {
        await tx.query(
          `INSERT INTO ${this.#schema}.sku (pool, sku, total, opened, seats, epoch) VALUES ($1, $2, $3, $3, $4, $5)`,
          [pool, sku, total, seats, found.epoch],
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

  setPaused(pool: string, paused: boolean): Promise<void> {
    return this.#transaction(async (tx) => {
      await tx.query(`UPDATE ${this.#schema}.pool SET paused = $2 WHERE pool = $1`, [pool, paused]);
      return kept(undefined);
    });
  }

  decide(decision: Decision, work: (tx: Transaction) => Promise<void>): Promise<Verdict> {
    return this.#transaction<Verdict>(async (tx) => {
      const decided = await this.#insert(tx, decision, 'sold');
      if (decided !== null) return undone(decided === 'sold' ? 'already_sold' : 'void');
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

  decideVoid(decision: Omit<Decision, 'epoch'>): Promise<'sold' | 'void'> {
    return this.#transaction(async (tx) =>
      kept((await this.#insert(tx, decision, 'void')) ?? ('void' as const)),
    );
  }

  outcome(pool: string, id: string): Promise<'sold' | 'void' | null> {
    return this.#transaction(async (tx) => kept(await this.#outcome(tx, pool, id)));
  }

  locked<T>(pool: string, work: (locked: LockedPool) => Promise<T>): Promise<T> {
    const run = async (tx: Transaction) => {
      const found = await this.#read(tx, pool, 'FOR UPDATE');
      if (found === null) throw new Error(`pool ${pool} is not in the store`);
      const advance = async (epoch: number) => {
        // in the order in which decisions take them; waits for those under way
        await tx.query(
          `SELECT 1 FROM ${this.#schema}.sku WHERE pool = $1 ORDER BY sku COLLATE "C" FOR UPDATE`,
          [pool],
        );
        await tx.query(`UPDATE ${this.#schema}.sku SET epoch = $2 WHERE pool = $1`, [pool, epoch]);
        await tx.query(`UPDATE ${this.#schema}.pool SET epoch = $2 WHERE pool = $1`, [pool, epoch]);
        return this.#ledger(tx, pool);
      };
      const setTotal = async (sku: string, total: number) => {
        await tx.query(`UPDATE ${this.#schema}.sku SET total = $3 WHERE pool = $1 AND sku = $2`, [
          pool,
          sku,
          total,
        ]);
      };
      const ledger = () => this.#ledger(tx, pool);
      const value = await work({ ...found, advance, ledger, setTotal });
      return kept(value);
    };
    return transaction(this.#pg, REBUILD_TIMEOUT_MS, run);
  }

  ledger(pool: string): Promise<Ledger> {
    return this.#transaction(async (tx) => {
      await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ'); // one moment for all tables
      return kept(await this.#ledger(tx, pool));
    });
  }

  journal(
    pool: string,
    granted: readonly JournalEntry[],
    ended: readonly JournalEnd[],
  ): Promise<void> {
    return this.#transaction(async (tx) => {
      if (granted.length > 0) {
        await tx.query(
          `INSERT INTO ${this.#schema}.journal (pool, hold_id, token, holder, items, created_at, expires_at)
           SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
           ON CONFLICT (pool, hold_id) DO UPDATE SET token = EXCLUDED.token, holder = EXCLUDED.holder,
             items = EXCLUDED.items, created_at = EXCLUDED.created_at,
             expires_at = EXCLUDED.expires_at, ended = false
           WHERE EXCLUDED.token > journal.token OR (EXCLUDED.token = journal.token
             AND NOT journal.ended AND EXCLUDED.expires_at >= journal.expires_at)`,
          [
            pool,
            granted.map((entry) => entry.id),
            granted.map((entry) => entry.token),
            granted.map((entry) => entry.holder),
            granted.map((entry) => entry.items),
            granted.map((entry) => entry.createdAt),
            granted.map((entry) => entry.expiresAt),
          ],
        );
      }
      if (ended.length > 0) {
        await tx.query(
          `INSERT INTO ${this.#schema}.journal (pool, hold_id, token, created_at, expires_at, holder, items, ended)
           SELECT $1, *, '', '', true FROM unnest($2::text[], $3::bigint[], $4::bigint[], $4::bigint[])
           ON CONFLICT (pool, hold_id) DO UPDATE SET ended = true, token = EXCLUDED.token
           WHERE EXCLUDED.token >= journal.token`,
          [
            pool,
            ended.map((end) => end.id),
            ended.map((end) => end.token),
            ended.map((end) => end.time),
          ],
        );
      }
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
    const { pool, id, holder, items } = decision;
    const inserted = await tx.query(
      `INSERT INTO ${this.#schema}.outcome (pool, hold_id, outcome, holder, items)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [pool, id, outcome, holder, items],
    );
    return inserted.rowCount === 1 ? null : this.#outcome(tx, pool, id);
  }

  async #outcome(tx: Transaction, pool: string, id: string): Promise<'sold' | 'void' | null> {
    const { rows } = await tx.query(
      `SELECT outcome FROM ${this.#schema}.outcome WHERE pool = $1 AND hold_id = $2`,
      [pool, id],
    );
    return rows[0]?.outcome ?? null;
  }

  async #read(tx: Transaction, pool: string, lock = ''): Promise<StoredPool | null> {
    const { rows } = await tx.query(
      `SELECT epoch, paused FROM ${this.#schema}.pool WHERE pool = $1 ${lock}`,
      [pool],
    );
    const row = rows[0];
    if (row === undefined) return null;
    const { rows: stock } = await tx.query<StockLine>(
      `SELECT sku, total, seats FROM ${this.#schema}.sku WHERE pool = $1 ORDER BY sku COLLATE "C"`,
      [pool],
    );
    return { epoch: Number(row.epoch), paused: row.paused, stock };
  }

  async #ledger(tx: Transaction, pool: string): Promise<Ledger> {
    const skus = await tx.query(
      `SELECT sku, total, sold, seats, (SELECT count(*)::int FROM ${this.#schema}.seat
          WHERE seat.pool = sku.pool AND seat.sku = sku.sku) AS "seatsSold"
         FROM ${this.#schema}.sku WHERE pool = $1 ORDER BY sku COLLATE "C"`,
      [pool],
    );
    const sold = await tx.query(
      `SELECT hold_id AS id, holder, items FROM ${this.#schema}.outcome
        WHERE pool = $1 AND outcome = 'sold'`,
      [pool],
    );
    const open = await tx.query(
      `SELECT hold_id AS id, token::text, holder, items, created_at::float8 AS "createdAt",
              expires_at::float8 AS "expiresAt"
         FROM ${this.#schema}.journal WHERE pool = $1 AND NOT ended AND NOT EXISTS (
           SELECT 1 FROM ${this.#schema}.outcome
            WHERE outcome.pool = journal.pool AND outcome.hold_id = journal.hold_id)
        ORDER BY token DESC`,
      [pool],
    );
    return { skus: skus.rows, sold: sold.rows, open: open.rows };
  }

  #transaction<T>(work: (tx: Transaction) => Promise<Ending<T>>): Promise<T> {
    return transaction(this.#pg, this.#timeoutMs, work);
  }
}

/** Seats in another order are the same seats. */
function firstDifference(wanted: StockLine[], stored: StockLine[]): string | null {
  const shape = ({ total, seats }: StockLine) => `${total} ${seats ? [...seats].sort() : ''}`;
  const known = new Map(stored.map((line) => [line.sku, shape(line)]));
  const other = wanted.find((line) => known.get(line.sku) !== shape(line));
  if (other !== undefined) return other.sku;
  const names = new Set(wanted.map((line) => line.sku));
  return stored.find((line) => !names.has(line.sku))?.sku ?? null;
}
