-- Workspaces bound to a branch of a Git repository.

CREATE TABLE git_binding (
    workspace   text PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    url         text NOT NULL,
    branch      text NOT NULL,
    folder      text NOT NULL,
    username    text,
    sealed      bytea,
    key_version integer,
    edited_by   text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    head        text,
    pushing     bytea,
    position    xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
    round       bigint NOT NULL DEFAULT 0,
    fetch_at    timestamptz NOT NULL DEFAULT app_now(),
    fetched_at  timestamptz,
    tries       integer NOT NULL DEFAULT 0,
    retry_at    timestamptz NOT NULL DEFAULT app_now(),
    error_code  text,
    error       text,
    findings    jsonb NOT NULL DEFAULT '[]',
    CHECK ((sealed IS NULL) = (key_version IS NULL))
);
COMMENT ON TABLE git_binding IS 'Branch of a repository with which the items of a workspace are synchronised.';
COMMENT ON COLUMN git_binding.folder IS 'Folder of the repository with the tree; empty: the root.';
COMMENT ON COLUMN git_binding.sealed IS 'Token of the server, sealed with the data key of the workspace.';
COMMENT ON COLUMN git_binding.head IS 'Commit of the branch that was read or pushed last.';
COMMENT ON COLUMN git_binding.pushing IS 'Commits that may have been pushed, with their effect: stored before the push, and confirmed or dropped after the next fetch.';
COMMENT ON COLUMN git_binding.position IS 'Transactions of the audit trail before this one have their commits.';
COMMENT ON COLUMN git_binding.round IS 'Number of the round. A round stores its outcome only if no other one began meanwhile.';
COMMENT ON COLUMN git_binding.findings IS 'Files of the branch that are ignored, with reasons.';

CREATE TABLE git_item (
    workspace   text NOT NULL REFERENCES git_binding (workspace) ON DELETE CASCADE,
    kind        text NOT NULL,
    path        text NOT NULL,
    digest      text,
    files       bytea,
    incoming    bytea,
    is_incoming boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace, kind, path)
);
COMMENT ON TABLE git_item IS 'Items as they were in the workspace and the repository when both were equal last.';
COMMENT ON COLUMN git_item.digest IS 'Digest of the files of the item in the workspace; null: it did not exist; empty: it is to be committed.';
COMMENT ON COLUMN git_item.files IS 'Files of the item in the repository, compressed; null: it did not exist.';
COMMENT ON COLUMN git_item.incoming IS 'Files of the item in the repository now, if is_incoming; null: it was removed there.';

CREATE TABLE git_commit (
    workspace   text NOT NULL REFERENCES git_binding (workspace) ON DELETE CASCADE,
    id          text NOT NULL,
    n           bigint GENERATED ALWAYS AS IDENTITY,
    direction   text NOT NULL CHECK (direction IN ('in', 'out')),
    author      text NOT NULL,
    email       text NOT NULL,
    message     text NOT NULL,
    at          timestamptz NOT NULL,
    items       jsonb,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX git_commit_order ON git_commit (workspace, n);
COMMENT ON TABLE git_commit IS 'Commits of the branch: read from the repository (in), or made from deployments (out).';
COMMENT ON COLUMN git_commit.items IS 'Kinds and paths of the items that the message may name; null: they are not known.';
