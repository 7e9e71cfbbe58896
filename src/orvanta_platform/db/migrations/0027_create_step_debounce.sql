-- Steps that wait for later ones of the same key, which take their place.

CREATE TABLE step_debounce (
    key      bytea PRIMARY KEY,
    run      uuid NOT NULL,
    frame    uuid,
    job      uuid NOT NULL,
    calls    integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT app_now(),
    due_at   timestamptz NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX step_debounce_due ON step_debounce (due_at);
CREATE INDEX step_debounce_run ON step_debounce (run);
CREATE INDEX step_debounce_job ON step_debounce (job);
COMMENT ON TABLE step_debounce IS 'The node that waits under a key, by its SHA-256. Its row decides, under its lock, who goes on; locked after those of gates.';
COMMENT ON COLUMN step_debounce.job IS 'The id that the node''s job has or will have.';
COMMENT ON COLUMN step_debounce.calls IS 'For how many executions the node stands, its own among them.';
COMMENT ON COLUMN step_debounce.first_at IS 'Since when the first of these has waited.';
