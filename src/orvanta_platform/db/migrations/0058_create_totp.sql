-- Two-step login: the secret that an account shares with an authenticator application, and its recovery codes.

CREATE TABLE totp (
    email          text PRIMARY KEY REFERENCES account (email) ON DELETE CASCADE,
    sealed         bytea NOT NULL,
    key_version    integer NOT NULL,
    last_step      bigint NOT NULL DEFAULT 0,
    recovery_codes bytea[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT app_now(),
    confirmed_at   timestamptz
);
COMMENT ON COLUMN totp.sealed IS 'The secret, sealed with a data key of the workspace admins.';
COMMENT ON COLUMN totp.last_step IS 'Time step of the last accepted code; codes of this step and earlier ones are refused.';
COMMENT ON COLUMN totp.recovery_codes IS 'SHA-256 of the unused recovery codes.';
COMMENT ON COLUMN totp.confirmed_at IS 'Time of the first accepted code; null: logins need no code yet.';
