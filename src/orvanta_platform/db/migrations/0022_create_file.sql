-- Files of a workspace: what scripts and people keep under names of their own. The bytes are objects.

CREATE TABLE file (
    workspace   text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    key         text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1024),
    object      text NOT NULL UNIQUE,
    size        bigint NOT NULL CHECK (size >= 0),
    mime_type   text NOT NULL,
    disposition text,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT app_now(),
    edited_by   text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, key)
);
COMMENT ON COLUMN file.object IS 'Key of the object that holds the bytes; another one whenever the file is written anew.';
