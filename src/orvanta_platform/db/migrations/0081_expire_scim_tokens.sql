-- Tokens of SCIM clients expire. Those that exist get the default lifetime, counted from this migration.

ALTER TABLE scim_token ADD COLUMN expires_at timestamptz NOT NULL DEFAULT app_now() + interval '365 days';
ALTER TABLE scim_token ALTER COLUMN expires_at DROP DEFAULT;
