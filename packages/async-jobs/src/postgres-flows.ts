import type { SqlExecutor } from './define-job.ts';
import type { FlowRow } from './outbox.ts';

/** Adds a flow's row unless its id is there, and runs `then` when it was added. */
export async function startFlow(
  schema: string,
  row: FlowRow,
  then: (tx: SqlExecutor) => Promise<void>,
  tx: SqlExecutor,
): Promise<FlowRow> {
  const { rowCount } = await tx.query(
    `INSERT INTO ${schema}.job_flows (id, name, payload, fingerprint) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO NOTHING`,
    [row.id, row.name, JSON.stringify(row.payload), row.fingerprint],
  );
  if (rowCount === 1) await then(tx);
  return rowCount === 1 ? row : ((await readFlow(schema, row.id, tx)) as FlowRow);
}

/** Locks a flow's row and stores what `change` makes of it. */
export async function changeFlow(
  schema: string,
  id: string,
  change: (row: FlowRow, tx: SqlExecutor) => Promise<FlowRow | null>,
  tx: SqlExecutor,
): Promise<void> {
  const before = await readFlow(schema, id, tx, 'FOR UPDATE');
  const after = before && (await change(before, tx));
  if (!after) return;
  await tx.query(
    `UPDATE ${schema}.job_flows SET state = $2, step = $3, results = $4, error = $5, updated_at = now() WHERE id = $1`,
    [id, after.state, after.step, JSON.stringify(after.results), after.error],
  );
}

export async function readFlow(
  schema: string,
  id: string,
  tx: SqlExecutor,
  lock = '',
): Promise<FlowRow | null> {
  const { rows } = await tx.query(
    `SELECT id, name, payload, state, step, results, error, fingerprint FROM ${schema}.job_flows WHERE id = $1 ${lock}`,
    [id],
  );
  const row = rows[0];
  if (!row) return null;
  return { ...row, payload: JSON.parse(row.payload), results: JSON.parse(row.results) };
}
