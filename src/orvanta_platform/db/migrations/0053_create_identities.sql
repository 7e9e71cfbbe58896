-- Single sign-on: identities of accounts at OpenID providers, and logins in progress.

CREATE TABLE identity (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    email      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (issuer, subject)
);
COMMENT ON TABLE identity IS 'Account that an identity of an OpenID provider logs in to.';
CREATE INDEX identity_email ON identity (email);

CREATE TABLE login_in_progress (
    state      bytea PRIMARY KEY,
    browser    bytea NOT NULL,
    provider   text NOT NULL,
    issuer     text NOT NULL,
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    then_path  text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN login_in_progress.state IS 'SHA-256 of the state that the provider returns; the row is deleted when it does.';
COMMENT ON COLUMN login_in_progress.browser IS 'SHA-256 of the cookie of the browser that started the login.';
CREATE INDEX login_in_progress_expires_at ON login_in_progress (expires_at);

ALTER TABLE token ADD COLUMN provider text;
COMMENT ON COLUMN token.provider IS 'Name of the OpenID provider by which a session was started; null: by a password.';
