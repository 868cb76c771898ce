/** One step of the schema, as shipped in `sql/`. `{schema}` is replaced by the quoted schema name. */
export const MIGRATIONS: readonly {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}[] = [
  {
    version: 1,
    name: 'init',
    sql: `-- Jobs on their way to Kafka. A row lives for milliseconds; rows are deleted by the relay.
CREATE TABLE {schema}.job_outbox (
  shard smallint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  job_id uuid NOT NULL,
  name text NOT NULL,
  queue text NOT NULL,
  key text NOT NULL,
  payload text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Idempotency keys of enqueue, kept for their window.
CREATE TABLE {schema}.job_idempotency (
  queue text NOT NULL,
  key text NOT NULL,
  job_id uuid NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (queue, key)
);
CREATE INDEX job_idempotency_created_at ON {schema}.job_idempotency (created_at);

-- Effects that have happened: the first statement of every ctx.tx is an insert here.
CREATE TABLE {schema}.job_inbox (
  job_id uuid NOT NULL,
  consumer text NOT NULL,
  step text NOT NULL,
  result text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, consumer, step)
);
CREATE INDEX job_inbox_created_at ON {schema}.job_inbox (created_at);
`,
  },
  {
    version: 2,
    name: 'trace',
    sql: `-- The W3C trace context a job was enqueued in.
ALTER TABLE {schema}.job_outbox ADD COLUMN traceparent text, ADD COLUMN tracestate text;
`,
  },
];
