-- Settings of the instance that superadmins change while it runs.

CREATE TABLE instance_setting (
    name        text PRIMARY KEY,
    value       text NOT NULL,
    sealed      bytea,
    key_version integer,
    updated_at  timestamptz NOT NULL DEFAULT app_now(),
    updated_by  text NOT NULL,
    CHECK ((sealed IS NULL) = (key_version IS NULL))
);
COMMENT ON TABLE instance_setting IS 'Settings that differ from their defaults.';
COMMENT ON COLUMN instance_setting.value IS 'JSON text, with masks in place of secrets.';
COMMENT ON COLUMN instance_setting.sealed IS 'Secrets by JSON pointer, sealed with a data key of the workspace admins.';
