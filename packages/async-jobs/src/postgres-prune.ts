import type { SqlExecutor } from './define-job.ts';
import type { PruneWindows } from './outbox.ts';

const BATCH = 10_000;

/** Deletes what is older than its window, a batch a transaction, until nothing is or `signal` aborts. */
export async function prune(
  schema: string,
  pool: SqlExecutor,
  windows: PruneWindows,
  signal: AbortSignal,
): Promise<number> {
  const { inboxMs, idempotencyMs, flowsMs } = windows;
  let deleted = 0;
  const old = async (table: string, condition: string, windowMs: number): Promise<void> => {
    for (let rows = BATCH; rows === BATCH && !signal.aborted; deleted += rows) {
      const { rowCount } = await pool.query(
        `DELETE FROM ${schema}.${table} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${schema}.${table} old
  WHERE ${condition} < now() - $1 * interval '1 millisecond' LIMIT ${BATCH}))`,
        [windowMs],
      );
      rows = rowCount ?? 0;
    }
  };
  await old('job_inbox', 'created_at', inboxMs);
  await old('job_idempotency', 'created_at', idempotencyMs);
  await old('job_flows', "state IN ('succeeded', 'compensated') AND updated_at", flowsMs);
  // Of each schedule its last time stays: who catches up asks for it
  const newer = `SELECT FROM ${schema}.job_schedules newer
  WHERE (newer.queue, newer.name) = (old.queue, old.name) AND newer.at > old.at AND newer.at <= now()`;
  await old('job_schedules', `EXISTS (${newer}) AND old.at`, inboxMs);
  return deleted;
}
