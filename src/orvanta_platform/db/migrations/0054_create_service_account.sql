-- Service accounts: members of one workspace that cannot log in.

ALTER TABLE account
    ADD CHECK (login_type <> 'service' OR (password_hash IS NULL AND NOT super_admin AND NOT devops));

CREATE TABLE service_account (
    email      text PRIMARY KEY REFERENCES account (email) ON DELETE CASCADE,
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    username   text NOT NULL,
    summary    text,
    owner      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE (workspace, username)
);
CREATE INDEX service_account_owner ON service_account (owner);
COMMENT ON TABLE service_account IS 'Members without a password, for programs. They have tokens, never a session.';
COMMENT ON COLUMN service_account.owner IS 'E-mail address of the admin who answers for it.';
