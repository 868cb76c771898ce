-- Jobs that are not to run yet; the relay moves them into job_outbox when they are due.
ALTER TABLE job_outbox ADD COLUMN headers text;
CREATE TABLE job_delayed (
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
CREATE INDEX job_delayed_run_at ON job_delayed (run_at);
CREATE INDEX job_delayed_job_id ON job_delayed (job_id);
