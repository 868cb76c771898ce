import type { JournalEnd, JournalEntry, Ledger, Transaction } from './store.ts';

/** Writes grants and ends; of two for the same hold the later token, then the later time, stands. */
export async function writeJournal(
  tx: Transaction,
  schema: string,
  pool: string,
  granted: readonly JournalEntry[],
  ended: readonly JournalEnd[],
): Promise<void> {
  if (granted.length > 0) {
    const column = (pick: (entry: JournalEntry) => string | number) => granted.map(pick);
    await tx.query(
      `INSERT INTO ${schema}.journal (pool, hold_id, token, holder, items, want, created_at, expires_at)
       SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
       ON CONFLICT (pool, hold_id) DO UPDATE SET token = EXCLUDED.token, holder = EXCLUDED.holder,
         items = EXCLUDED.items, want = EXCLUDED.want, created_at = EXCLUDED.created_at,
         expires_at = EXCLUDED.expires_at, ended = false
       WHERE EXCLUDED.token > journal.token OR (EXCLUDED.token = journal.token
         AND NOT journal.ended AND EXCLUDED.expires_at >= journal.expires_at)`,
      [
        pool,
        column(({ id }) => id),
        column(({ token }) => token),
        column(({ holder }) => holder),
        column(({ items }) => items),
        column(({ want }) => want),
        column(({ createdAt }) => createdAt),
        column(({ expiresAt }) => expiresAt),
      ],
    );
  }
  if (ended.length > 0) {
    const column = (pick: (end: JournalEnd) => string | number) => ended.map(pick);
    await tx.query(
      `INSERT INTO ${schema}.journal (pool, hold_id, token, created_at, expires_at, holder, items, ended)
       SELECT $1, *, '', '', true FROM unnest($2::text[], $3::bigint[], $4::bigint[], $4::bigint[])
       ON CONFLICT (pool, hold_id) DO UPDATE SET ended = true, token = EXCLUDED.token
       WHERE EXCLUDED.token >= journal.token`,
      [pool, column(({ id }) => id), column(({ token }) => token), column(({ time }) => time)],
    );
  }
}

/** The open holds of the store's own board become the journal of the next one. */
export async function holdsToJournal(tx: Transaction, schema: string, pool: string): Promise<void> {
  await tx.query(`DELETE FROM ${schema}.journal WHERE pool = $1`, [pool]);
  await tx.query(
    `INSERT INTO ${schema}.journal (pool, hold_id, token, holder, items, want, created_at, expires_at)
     SELECT pool, hold_id, token, holder, items, want, created_at, expires_at
       FROM ${schema}.hold WHERE pool = $1 AND state IN ('p', 'c')`,
    [pool],
  );
  await tx.query(`DELETE FROM ${schema}.hold WHERE pool = $1`, [pool]);
}

/** All that PostgreSQL knows of a pool; the open holds out of the table of the board that grants. */
export async function readLedger(tx: Transaction, schema: string, pool: string): Promise<Ledger> {
  const { rows: where } = await tx.query(`SELECT board FROM ${schema}.pool WHERE pool = $1`, [
    pool,
  ]);
  const [table, still] =
    where[0]?.board === 'store' ? ['hold', "state IN ('p', 'c')"] : ['journal', 'NOT ended'];
  const skus = await tx.query(
    `SELECT sku, total, sold, seats, map, (SELECT count(*)::int FROM ${schema}.seat
        WHERE seat.pool = sku.pool AND seat.sku = sku.sku) AS "seatsSold"
       FROM ${schema}.sku WHERE pool = $1 ORDER BY sku COLLATE "C"`,
    [pool],
  );
  const sold = await tx.query(
    `SELECT hold_id AS id, holder, items, want FROM ${schema}.outcome
      WHERE pool = $1 AND outcome = 'sold'`,
    [pool],
  );
  const open = await tx.query(
    `SELECT hold_id AS id, token::text, holder, items, want, created_at::float8 AS "createdAt",
            expires_at::float8 AS "expiresAt"
       FROM ${schema}.${table} AS open WHERE pool = $1 AND ${still} AND NOT EXISTS (
         SELECT 1 FROM ${schema}.outcome
          WHERE outcome.pool = open.pool AND outcome.hold_id = open.hold_id)
      ORDER BY token DESC`,
    [pool],
  );
  return { skus: skus.rows, sold: sold.rows, open: open.rows };
}
