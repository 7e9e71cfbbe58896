-- Requests to scripts and workflows that members capture for tests instead of starting runs.

CREATE TABLE capture_config (
    workspace    text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('script', 'flow')),
    path         text NOT NULL,
    trigger_kind text NOT NULL CHECK (trigger_kind IN ('webhook', 'http')),
    settings     bytea,
    pinged_at    timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, trigger_kind)
);
COMMENT ON TABLE capture_config IS 'Paths whose requests are captured for a minute after the last ping.';
COMMENT ON COLUMN capture_config.settings IS 'JSON text of the settings of the trigger that is tested.';

CREATE TABLE capture (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace    text NOT NULL,
    kind         text NOT NULL,
    path         text NOT NULL,
    trigger_kind text NOT NULL,
    args         bytea NOT NULL,
    headers      bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    FOREIGN KEY (workspace, kind, path, trigger_kind)
        REFERENCES capture_config (workspace, kind, path, trigger_kind) ON DELETE CASCADE
);
CREATE INDEX capture_path ON capture (workspace, kind, path, trigger_kind, id);
COMMENT ON TABLE capture IS 'Captured requests: the newest of each config, deleted with it.';
COMMENT ON COLUMN capture.args IS 'Arguments that a run would have, as JSON text.';
COMMENT ON COLUMN capture.headers IS 'Headers as JSON text of an object, with *** for credentials.';
