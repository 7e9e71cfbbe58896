-- Nodes that wait before they begin, until somebody lets them go on.

CREATE TABLE pause (
    run       uuid NOT NULL,
    job       uuid NOT NULL,
    frame     uuid,
    node      text NOT NULL,
    paused_by text NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT app_now(),
    threw     text,
    PRIMARY KEY (run, job)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX pause_job ON pause (job);
COMMENT ON TABLE pause IS 'A node that is paused before it begins. The row goes when somebody lets it go on, and with its run.';
COMMENT ON COLUMN pause.job IS 'The id that the node''s job has or will have.';
COMMENT ON COLUMN pause.frame IS 'The body of a loop or branch that it stands in; null: the run''s own list.';
COMMENT ON COLUMN pause.paused_by IS 'Who had set the breakpoint.';
COMMENT ON COLUMN pause.threw IS 'What its condition threw, which pauses as well.';
