-- Usage of workspaces per hour and day, by workspace, item and member.

CREATE TABLE usage_rollup (
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    width_s    integer NOT NULL CHECK (width_s IN (3600, 86400)),
    dimension  text NOT NULL CHECK (dimension IN ('workspace', 'item', 'member')),
    at         timestamptz NOT NULL,
    name       text NOT NULL,
    runs       bigint NOT NULL,
    failed     bigint NOT NULL,
    job_s      double precision NOT NULL,
    file_bytes bigint,
    PRIMARY KEY (workspace, width_s, dimension, at, name)
);
CREATE INDEX usage_rollup_at ON usage_rollup (width_s, dimension, at);
COMMENT ON TABLE usage_rollup IS 'Usage in an hour or a day (UTC). The usage of a day is the sum of its hours that have ended.';
COMMENT ON COLUMN usage_rollup.name IS 'Item: <kind>/<path> of the script or workflow, empty for other runs. Member: u/<username>. Workspace: empty.';
COMMENT ON COLUMN usage_rollup.runs IS 'Runs that ended, without sub-workflows.';
COMMENT ON COLUMN usage_rollup.job_s IS 'Run time of the last attempts of the jobs that ended, in seconds; those of sub-workflows count for these.';
COMMENT ON COLUMN usage_rollup.file_bytes IS 'Size of the files of the workspace at the end; null: the row is not that of a workspace.';
