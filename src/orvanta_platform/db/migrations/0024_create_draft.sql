-- What people write before they deploy it.

CREATE SEQUENCE draft_revision AS bigint;

CREATE TABLE draft (
    workspace    text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('script', 'flow')),
    path         text NOT NULL,
    owner        text NOT NULL,
    base_version bigint,
    revision     bigint NOT NULL DEFAULT nextval('draft_revision'),
    hash         text NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    edited_at    timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, owner)
) WITH (fillfactor = 70);
CREATE INDEX draft_owner ON draft (workspace, owner, edited_at DESC);
COMMENT ON TABLE draft IS 'A person''s draft of a script or workflow, which need not be deployed yet.';
COMMENT ON COLUMN draft.base_version IS 'The version it was begun from; null: none.';
COMMENT ON COLUMN draft.revision IS 'Drawn anew at each save and never used twice: a draft that was discarded and begun again is another.';
COMMENT ON COLUMN draft.hash IS 'SHA-256 of the body, in hex.';
COMMENT ON COLUMN draft.body IS 'JSON text as it came, not checked.';
