-- Times of schedules that have been enqueued; the last of each stays.
CREATE TABLE job_schedules (
  queue text NOT NULL,
  name text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (queue, name, at)
);
-- Flows that have ended are deleted after a while.
CREATE INDEX job_flows_ended ON job_flows (updated_at) WHERE state IN ('succeeded', 'compensated');
