-- Figures per minute and hour for the operations page, and indexes by which the last minutes of the history are read.

CREATE INDEX run_ended ON run USING brin (ended_at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX job_ended ON job USING brin (ended_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE operations_rollup (
    workspace      text REFERENCES workspace (id) ON DELETE CASCADE,
    width_s        integer NOT NULL CHECK (width_s IN (60, 3600)),
    at             timestamptz NOT NULL,
    succeeded      integer NOT NULL,
    failed         integer NOT NULL,
    cancelled      integer NOT NULL,
    waits          integer[],
    waiting        integer,
    running        integer,
    oldest_s       double precision,
    slots          integer,
    database_bytes bigint,
    oldest_xmin_s  double precision,
    UNIQUE NULLS NOT DISTINCT (workspace, width_s, at)
);
CREATE INDEX operations_rollup_at ON operations_rollup (width_s, at);
COMMENT ON TABLE operations_rollup IS 'Figures of one minute or hour, for charts. Minutes without any figure have no row.';
COMMENT ON COLUMN operations_rollup.workspace IS 'Null: the whole installation.';
COMMENT ON COLUMN operations_rollup.waits IS 'Jobs that ended, by the bucket of the time between their enqueuing and their first claim.';
COMMENT ON COLUMN operations_rollup.waiting IS 'Jobs that could start at the end of the minute; of an hour the maximum. Null: not recorded.';
COMMENT ON COLUMN operations_rollup.slots IS 'Slots of the live workers, of the installation only.';
