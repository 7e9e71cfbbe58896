-- What can run: documents by hash, items by path, their versions.

CREATE TABLE document (
    hash       bytea PRIMARY KEY,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now()
);
COMMENT ON TABLE document IS 'Bytes of a workflow or script as they came, by SHA-256.';

CREATE TABLE item (
    workspace   text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('script', 'flow')),
    path        text NOT NULL,
    version     bigint,
    archived    boolean NOT NULL DEFAULT false,
    deleted     boolean NOT NULL DEFAULT false,
    extra_perms jsonb NOT NULL DEFAULT '{}',
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT app_now(),
    edited_by   text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path)
);
COMMENT ON COLUMN item.deleted IS 'Not shown any more, and archived as well; runs that name a version keep it. A new version brings the path back.';
COMMENT ON COLUMN item.version IS 'The version that runs by path take: the newest locked one; null while the first is locking.';

CREATE TABLE version (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace    text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('script', 'flow')),
    path         text NOT NULL,
    number       integer NOT NULL,
    hash         text NOT NULL,
    content_hash text NOT NULL,
    document     bytea NOT NULL REFERENCES document (hash),
    format       text NOT NULL DEFAULT 'json' CHECK (format IN ('json', 'yaml', 'text')),
    language     text,
    settings     json NOT NULL,
    parent       text,
    author       text NOT NULL,
    message      text,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    lock_state   text NOT NULL DEFAULT 'locked' CHECK (lock_state IN ('locking', 'locked', 'failed')),
    lock         text,
    lock_error   text,
    lock_job     uuid,
    archived     boolean NOT NULL DEFAULT false,
    deleted      boolean NOT NULL DEFAULT false,
    UNIQUE (workspace, kind, path, number),
    FOREIGN KEY (workspace, kind, path) REFERENCES item (workspace, kind, path) ON DELETE CASCADE
);
CREATE INDEX version_hash ON version (workspace, hash);
COMMENT ON COLUMN version.hash IS 'Script: 16 hex digits of its version hash. Flow: the artifact hash.';
COMMENT ON COLUMN version.document IS 'Script: its content. Flow: the bytes of {value, schema} as they came, or its YAML source.';
COMMENT ON COLUMN version.settings IS 'What was deployed beside the document (summary, description, schema of a script, tag, timeout ...), as it came.';

CREATE TABLE pin_set (
    hash bytea PRIMARY KEY,
    pins json NOT NULL
);
COMMENT ON COLUMN pin_set.pins IS '{"script:<path>": version id, ...}: what a run resolves a path to.';

CREATE TABLE idempotency (
    workspace  text NOT NULL,
    path       text NOT NULL,
    key        text NOT NULL,
    run        uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, path, key)
);
