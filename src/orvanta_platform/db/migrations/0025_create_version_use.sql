-- What the nodes of a workflow's version run, so that a script knows who uses it.

CREATE TABLE version_use (
    version   bigint NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    node      text NOT NULL,
    workspace text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('script', 'flow')),
    path      text NOT NULL,
    pinned    text,
    PRIMARY KEY (version, node)
);
CREATE INDEX version_use_of ON version_use (workspace, kind, path);
COMMENT ON COLUMN version_use.pinned IS 'The hash of the version that the node names; null: it takes the newest.';

CREATE INDEX schedule_runs ON schedule (workspace, script_path);
CREATE INDEX http_trigger_runs ON http_trigger (workspace, script_path);
