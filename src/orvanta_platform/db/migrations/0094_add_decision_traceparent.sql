-- Traces of the calls that made decisions, to which the waits of runs are linked.

ALTER TABLE decision ADD COLUMN traceparent text;
COMMENT ON COLUMN decision.traceparent IS 'Header of the call, if it is valid and traces are on; used for the link of a span only.';
