-- Accounts that are deleted leave a tombstone; usernames of former members are not used again by somebody else.

ALTER TABLE account ADD COLUMN deleted_at timestamptz;
ALTER TABLE account ADD CHECK (deleted_at IS NULL OR (disabled AND NOT super_admin AND NOT devops AND password_hash IS NULL));
COMMENT ON COLUMN account.deleted_at IS 'Time of deletion. The row remains, so that nobody else gets the address or the username.';

ALTER TABLE token ADD COLUMN last_address text;
COMMENT ON COLUMN token.last_address IS 'Address of the last recorded use; null: not used yet.';

CREATE TABLE former_member (
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    username   text NOT NULL,
    email      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    removed_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, username)
);
COMMENT ON TABLE former_member IS 'Usernames of members who were removed. Only the same account may use the username again.';
