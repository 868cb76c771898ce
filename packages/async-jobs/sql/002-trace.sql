-- The W3C trace context a job was enqueued in.
ALTER TABLE job_outbox ADD COLUMN traceparent text, ADD COLUMN tracestate text;
