-- Keys of workspaces for the secrets in archives.

CREATE TABLE export_key (
    workspace   text PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    sealed      bytea NOT NULL,
    key_version integer NOT NULL
);
COMMENT ON TABLE export_key IS 'Keys of workspaces for the secrets in archives.';
COMMENT ON COLUMN export_key.sealed IS 'Key, sealed with the data key of the workspace.';
