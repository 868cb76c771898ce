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
  {
    version: 3,
    name: 'delayed',
    sql: `-- Jobs that are not to run yet; the relay moves them into job_outbox when they are due.
ALTER TABLE {schema}.job_outbox ADD COLUMN headers text;
CREATE TABLE {schema}.job_delayed (
  run_at timestamptz NOT NULL,
  job_id uuid NOT NULL,
  shard smallint NOT NULL,
  name text NOT NULL,
  queue text NOT NULL,
  key text NOT NULL,
  payload text NOT NULL,
  traceparent text,
  tracestate text,
  headers text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX job_delayed_run_at ON {schema}.job_delayed (run_at);
CREATE INDEX job_delayed_job_id ON {schema}.job_delayed (job_id);
`,
  },
  {
    version: 4,
    name: 'flows',
    sql: `-- Flows: one row says how far each is.
CREATE TABLE {schema}.job_flows (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  payload text NOT NULL,
  fingerprint text NOT NULL,
  state text NOT NULL DEFAULT 'running',
  step int NOT NULL DEFAULT 0,
  results text NOT NULL DEFAULT '[]',
  error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX job_flows_unfinished ON {schema}.job_flows (updated_at) WHERE state IN ('running', 'compensating', 'stuck');
`,
  },
  {
    version: 5,
    name: 'upkeep',
    sql: `-- Times of schedules that have been enqueued; the last of each stays.
CREATE TABLE {schema}.job_schedules (
  queue text NOT NULL,
  name text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (queue, name, at)
);
-- Flows that have ended are deleted after a while.
CREATE INDEX job_flows_ended ON {schema}.job_flows (updated_at) WHERE state IN ('succeeded', 'compensated');
`,
  },
];
