-- Saved inputs of scripts and workflows.

CREATE TABLE saved_input (
    id         uuid PRIMARY KEY,
    workspace  text NOT NULL,
    kind       text NOT NULL,
    path       text NOT NULL,
    name       text NOT NULL,
    args       bytea NOT NULL,
    is_public  boolean NOT NULL DEFAULT false,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    FOREIGN KEY (workspace, kind, path) REFERENCES item (workspace, kind, path) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX saved_input_item ON saved_input (workspace, kind, path, created_at DESC);
COMMENT ON TABLE saved_input IS 'Inputs of scripts and workflows that a member has saved under a name.';
COMMENT ON COLUMN saved_input.args IS 'JSON text of an object. It never contains a password that the schema declares.';
COMMENT ON COLUMN saved_input.is_public IS 'True: everybody who may read the item may use it.';
