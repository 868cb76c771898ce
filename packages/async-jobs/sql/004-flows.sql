-- Flows: one row says how far each is.
CREATE TABLE job_flows (
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
CREATE INDEX job_flows_unfinished ON job_flows (updated_at) WHERE state IN ('running', 'compensating', 'stuck');
