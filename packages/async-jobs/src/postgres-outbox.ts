import type { Priority, SqlExecutor } from './define-job.ts';
import { knownOptions } from './known-options.ts';
import { integer, name } from './options.ts';
import type {
  ClaimOutcome,
  FlowRow,
  IdempotencyClaim,
  InboxKey,
  OnceOutcome,
  Outbox,
  PruneWindows,
  ScheduleKey,
} from './outbox.ts';
import { murmur2 } from './partitioner.ts';
import { inTransaction, listenOn, onConnection, type PgPoolLike } from './postgres-connection.ts';
import { changeFlow, readFlow, startFlow } from './postgres-flows.ts';
import { prune } from './postgres-prune.ts';
import { MIGRATIONS } from './postgres-schema.ts';
import { Statements } from './postgres-statements.ts';
import type { QueuedJob } from './record.ts';
import { traceContextOf } from './trace-context.ts';

/** What `postgresOutbox` takes beside the pool. */
export interface PostgresOutboxOptions {
  /** Schema of the tables. Default `public`. */
  readonly schema?: string;
  /** Lanes of the outbox; jobs of one key share a lane. Default 8. The same in every process. */
  readonly shards?: number;
  /**
   * Statements of every job are prepared by name, which saves a third of their cost. Default: on connections of `pg` that
   * lead to PostgreSQL itself. Behind a pooler they are not, since one in transaction mode loses them; `true` is for poolers
   * that keep them (PgBouncer from 1.21 with `max_prepared_statements`, or in session mode), `false` for where something else
   * takes them away (`DISCARD ALL`, `DEALLOCATE ALL`).
   */
  readonly prepare?: boolean;
}

// At most one transaction in this many milliseconds carries a notification: PostgreSQL makes
// notifying commits queue up for one lock. A woken relay looks again after 5, 10, 20 ... ms and
// so finds the jobs of the transactions that carried none.
const NOTIFY_EVERY_MS = 50;
// Of payloads, in one batch of the relay, which holds them in memory
const TAKE_BYTES = 4 * 1024 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const COLUMNS = 'shard, job_id, name, queue, key, payload, traceparent, tracestate, headers';
const ARRAYS =
  'unnest($1::smallint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])';

/**
 * Outbox, idempotency keys and inbox in PostgreSQL 12 or later. The pool stays the caller's; a
 * running relay holds one of its connections to listen, two more while it moves jobs, and one while it tidies up.
 *
 * @throws RangeError or TypeError naming field, rule and value
 */
export function postgresOutbox(pool: PgPoolLike, options: PostgresOutboxOptions = {}): Outbox {
  return new PostgresOutbox(pool, options);
}

class PostgresOutbox implements Outbox {
  readonly shards: number;
  readonly #pool: PgPoolLike;
  readonly #schema: string;
  readonly #channel: string;
  readonly #lock: number;
  readonly #statements: Statements;
  readonly #insertOne: string;
  #notifiedAt = 0;

  constructor(pool: PgPoolLike, options: PostgresOutboxOptions) {
    knownOptions(options, { schema: true, shards: true, prepare: true });
    const schema = name('schema', options.schema ?? 'public', 40);
    this.#pool = pool;
    this.#schema = `"${schema}"`;
    this.#channel = `job_outbox.${schema}`;
    this.#lock = murmur2(Buffer.from(`@evenkeel/async-jobs ${schema}`));
    this.shards = integer('shards', options.shards ?? 8, 1, 256);
    this.#statements = new Statements(options.prepare);
    this.#insertOne = `INSERT INTO ${this.#schema}.job_outbox (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
  }

  async migrate(): Promise<void> {
    const schema = this.#schema;
    await inTransaction(this.#pool, async (tx) => {
      // CREATE ... IF NOT EXISTS is not safe against itself: two processes need a lock
      await tx.query('SELECT pg_advisory_xact_lock($1, -1)', [this.#lock]);
      await tx.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
      await tx.query(
        `CREATE TABLE IF NOT EXISTS ${schema}.job_migrations (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
      );
      const { rows } = await tx.query(`SELECT version FROM ${schema}.job_migrations`);
      const applied = new Set(rows.map(({ version }) => version));
      for (const { version, sql } of MIGRATIONS) {
        if (applied.has(version)) continue;
        await tx.query(sql.replaceAll('{schema}', schema));
        await tx.query(`INSERT INTO ${schema}.job_migrations (version) VALUES ($1)`, [version]);
      }
    });
  }

  async insert(jobs: readonly QueuedJob[], tx?: SqlExecutor): Promise<void> {
    if (!tx) return onConnection(this.#pool, (own) => this.insert(jobs, own));
    const [first] = jobs;
    if (first && jobs.length === 1 && first.runAtMs === undefined) {
      const sql = this.#withNotification(this.#insertOne);
      await this.#statements.run(tx, sql, this.#values(first));
      return;
    }
    const due = jobs.filter(({ runAtMs }) => runAtMs === undefined);
    if (due.length > 0) {
      const sql = `INSERT INTO ${this.#schema}.job_outbox (${COLUMNS}) SELECT * FROM ${ARRAYS}`;
      await tx.query(this.#withNotification(sql), this.#arrays(due));
    }
    const delayed = jobs.filter(({ runAtMs }) => runAtMs !== undefined);
    if (delayed.length > 0) {
      await tx.query(
        `INSERT INTO ${this.#schema}.job_delayed (${COLUMNS}, run_at)
SELECT shard, id, name, queue, key, payload, traceparent, tracestate, headers, clock_timestamp() + ms * interval '1 millisecond'
FROM unnest($10::float8[]) WITH ORDINALITY w(ms, n) JOIN ${ARRAYS} WITH ORDINALITY j(shard, id, name, queue, key, payload, traceparent, tracestate, headers, n) USING (n)`,
        [...this.#arrays(delayed), delayed.map((job) => (job.runAtMs ?? 0) - job.enqueuedAtMs)],
      );
    }
  }

  async insertOnce(
    job: QueuedJob,
    claim: IdempotencyClaim,
    tx?: SqlExecutor,
  ): Promise<ClaimOutcome> {
    if (!tx) return onConnection(this.#pool, (own) => this.insertOnce(job, claim, own));
    const schema = this.#schema;
    const table =
      job.runAtMs === undefined ? `job_outbox (${COLUMNS})` : `job_delayed (${COLUMNS}, run_at)`;
    const delay =
      job.runAtMs === undefined
        ? ''
        : ", clock_timestamp() + $14::float8 * interval '1 millisecond'";
    const sql = `WITH claimed AS (
  INSERT INTO ${schema}.job_idempotency AS held (queue, key, job_id, fingerprint)
  VALUES ($13, $10, $2, $11)
  ON CONFLICT (queue, key) DO UPDATE
    SET job_id = excluded.job_id, fingerprint = excluded.fingerprint, created_at = now()
    WHERE held.created_at < now() - $12::float8 * interval '1 millisecond'
  RETURNING 1)
INSERT INTO ${schema}.${table}
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9${delay} FROM claimed`;
    const { rowCount } = await this.#statements.run(tx, this.#withNotification(sql), [
      ...this.#values(job),
      claim.key,
      claim.fingerprint,
      claim.windowMs,
      job.queue,
      ...(job.runAtMs === undefined ? [] : [job.runAtMs - job.enqueuedAtMs]),
    ]);
    if (rowCount === 1) return { state: 'claimed' };
    const { rows } = await tx.query(
      `SELECT job_id, fingerprint FROM ${schema}.job_idempotency WHERE queue = $1 AND key = $2`,
      [job.queue, claim.key],
    );
    const held = rows[0];
    // Gone between the two statements: pruned as expired just now. Take it
    if (!held) return this.insertOnce(job, claim, tx);
    return { state: 'held', jobId: held.job_id, fingerprint: held.fingerprint };
  }

  async remove(jobId: string): Promise<string | null> {
    if (!UUID.test(jobId)) return null;
    const schema = this.#schema;
    const { rows } = await this.#pool.query(
      `DELETE FROM ${schema}.job_delayed WHERE job_id = $1 RETURNING name`,
      [jobId],
    );
    if (rows[0]) return rows[0].name;
    // One that a relay has locked is being sent. No index: it would cost every job, and few wait
    const waiting = await this.#pool.query(
      `DELETE FROM ${schema}.job_outbox WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM ${schema}.job_outbox WHERE job_id = $1 AND headers IS NULL FOR UPDATE SKIP LOCKED))
RETURNING name`,
      [jobId],
    );
    return waiting.rows[0]?.name ?? null;
  }

  async promote(limit: number): Promise<{ promoted: number; nextInMs: number | null }> {
    const { rows } = await this.#pool.query(
      `WITH due AS (
  DELETE FROM ${this.#schema}.job_delayed WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${this.#schema}.job_delayed WHERE run_at <= clock_timestamp()
    ORDER BY run_at LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING ${COLUMNS}, created_at, run_at),
moved AS (
  INSERT INTO ${this.#schema}.job_outbox (${COLUMNS}, created_at)
  SELECT ${COLUMNS}, created_at FROM due ORDER BY run_at RETURNING 1)
SELECT (SELECT count(*) FROM moved)::int AS promoted,
  (SELECT extract(epoch FROM min(run_at) - clock_timestamp()) FROM ${this.#schema}.job_delayed
   WHERE run_at > clock_timestamp())::float8 * 1000 AS next`,
      [limit],
    );
    const { promoted, next } = rows[0];
    return { promoted, nextInMs: next === null ? null : Math.max(0, next) };
  }

  async startFlow(
    row: FlowRow,
    then: (tx: SqlExecutor) => Promise<void>,
    tx?: SqlExecutor,
  ): Promise<FlowRow> {
    if (tx) return startFlow(this.#schema, row, then, tx);
    return inTransaction(this.#pool, (own) => startFlow(this.#schema, row, then, own));
  }

  async changeFlow(
    id: string,
    change: (row: FlowRow, tx: SqlExecutor) => Promise<FlowRow | null>,
  ): Promise<void> {
    await inTransaction(this.#pool, (tx) => changeFlow(this.#schema, id, change, tx));
  }

  async readFlow(id: string): Promise<FlowRow | null> {
    return UUID.test(id) ? readFlow(this.#schema, id, this.#pool) : null;
  }

  async waiting(): Promise<number[]> {
    // One index probe a shard; DISTINCT would read the whole backlog
    const { rows } = await this.#pool.query(
      `SELECT shard FROM generate_series(0, $1::int) shard
WHERE EXISTS (SELECT 1 FROM ${this.#schema}.job_outbox o WHERE o.shard = shard.shard)`,
      [this.shards - 1],
    );
    return rows.map(({ shard }) => shard);
  }

  async take(
    shard: number,
    limit: number,
    deliver: (jobs: readonly QueuedJob[]) => Promise<void>,
  ): Promise<number | 'busy'> {
    const table = `${this.#schema}.job_outbox`;
    return inTransaction(this.#pool, async (tx) => {
      const lock = await tx.query('SELECT pg_try_advisory_xact_lock($1, $2) AS mine', [
        this.#lock,
        shard,
      ]);
      if (!lock.rows[0].mine) return 'busy';
      // No "id > cursor": ids become visible in the order of commits, not of ids
      const { rows } = await tx.query(
        `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM (
    SELECT ctid, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM (
      SELECT ctid, id, octet_length(payload) AS bytes FROM ${table} WHERE shard = $1
      ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) oldest) summed
  WHERE before < ${TAKE_BYTES}))
RETURNING id::float8, job_id, name, queue, key, payload, traceparent, tracestate, headers, extract(epoch FROM created_at)::float8 * 1000 AS at`,
        [shard, limit],
      );
      if (rows.length === 0) return 0;
      rows.sort((a, b) => a.id - b.id); // RETURNING promises no order
      await deliver(
        rows.map((row) => {
          const trace = traceContextOf(row);
          return {
            ...(row.headers === null ? {} : JSON.parse(row.headers)),
            id: row.job_id,
            name: row.name,
            ...fromRoute(row.queue),
            key: row.key,
            payload: row.payload,
            enqueuedAtMs: Math.round(row.at),
            ...(trace && { trace }),
          };
        }),
      );
      return rows.length;
    });
  }

  async listen(wake: () => void, lost: (error: unknown) => void): Promise<() => Promise<void>> {
    const end = await listenOn(this.#pool, this.#channel, wake, lost);
    return async () => end();
  }

  async once<T>(key: InboxKey, work: (tx: SqlExecutor) => Promise<T>): Promise<OnceOutcome<T>> {
    const table = `${this.#schema}.job_inbox`;
    const values = [key.jobId, key.consumer, key.step];
    return inTransaction(this.#pool, async (tx) => {
      // Waits while another delivery of this job is in its transaction
      const { rowCount } = await this.#statements.run(
        tx,
        `INSERT INTO ${table} (job_id, consumer, step) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
        values,
      );
      if (rowCount === 0) {
        const { rows } = await tx.query(
          `SELECT result FROM ${table} WHERE job_id = $1 AND consumer = $2 AND step = $3`,
          values,
        );
        const stored = rows[0]?.result ?? null;
        return { value: (stored === null ? undefined : JSON.parse(stored)) as T, replayed: true };
      }
      const value = await work(tx);
      const json = JSON.stringify(value);
      if (json !== undefined) {
        await this.#statements.run(
          tx,
          `UPDATE ${table} SET result = $4 WHERE job_id = $1 AND consumer = $2 AND step = $3`,
          [...values, json],
        );
      }
      return { value, replayed: false };
    });
  }

  async onTime(
    { queue, name }: ScheduleKey,
    at: Date,
    then: (tx: SqlExecutor) => Promise<void>,
  ): Promise<boolean> {
    return inTransaction(this.#pool, async (tx) => {
      const { rowCount } = await tx.query(
        `INSERT INTO ${this.#schema}.job_schedules (queue, name, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
        [queue, name, at.toISOString()],
      );
      if (rowCount === 1) await then(tx);
      return rowCount === 1;
    });
  }

  async prune(windows: PruneWindows, signal: AbortSignal): Promise<number> {
    return prune(this.#schema, this.#pool, windows, signal);
  }

  async tidy(): Promise<void> {
    // A role that may not is told by a warning. Truncating would lock the writers out
    await this.#pool.query(`VACUUM (SKIP_LOCKED, TRUNCATE false) ${this.#schema}.job_outbox`);
  }

  async oldestMs(): Promise<number> {
    const { rows } = await this.#pool.query(
      `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - o.created_at)), 0)::float8 * 1000 AS age
FROM generate_series(0, $1::int) shard, LATERAL (
  SELECT created_at FROM ${this.#schema}.job_outbox WHERE shard = shard.shard ORDER BY id LIMIT 1) o`,
      [this.shards - 1],
    );
    return Math.max(0, Math.round(rows[0].age));
  }

  #values(job: QueuedJob): unknown[] {
    return [
      this.#shardOf(job.key),
      job.id,
      job.name,
      routeOf(job),
      job.key,
      job.payload,
      job.trace?.traceparent ?? null,
      job.trace?.tracestate ?? null,
      job.flow === undefined ? null : JSON.stringify({ flow: job.flow }),
    ];
  }

  #arrays(jobs: readonly QueuedJob[]): unknown[][] {
    const rows = jobs.map((job) => this.#values(job));
    return (rows[0] as unknown[]).map((_, column) => rows.map((row) => row[column]));
  }

  #shardOf(key: string): number {
    return (murmur2(Buffer.from(key)) >>> 8) % this.shards;
  }

  #withNotification(sql: string): string {
    const now = performance.now();
    if (this.#notifiedAt !== 0 && now - this.#notifiedAt < NOTIFY_EVERY_MS) return sql;
    this.#notifiedAt = now;
    return `${sql}\nRETURNING pg_notify('${this.#channel}', '')`;
  }
}

/** The queue's name with the priority, which is the end of the topic's name. */
function routeOf({ queue, priority }: QueuedJob): string {
  return priority === 'normal' ? queue : `${queue}:${priority}`;
}

function fromRoute(route: string): { queue: string; priority: Priority } {
  const [queue = '', priority = 'normal'] = route.split(':');
  return { queue, priority: priority as Priority };
}
