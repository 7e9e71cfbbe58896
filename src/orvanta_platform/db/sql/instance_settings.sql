-- name: get
-- One setting of the instance, if it differs from its default.
SELECT name, value, sealed, key_version, updated_at, updated_by FROM instance_setting WHERE name = $1;

-- name: list_named
-- Those of these settings of the instance that differ from their defaults.
SELECT name, value, sealed, key_version, updated_at, updated_by FROM instance_setting WHERE name = ANY ($1::text[]);

-- name: lock
-- Serializes changes of settings until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('orvanta.instance_settings'));

-- name: list
-- All settings that differ from their defaults.
SELECT name, value, sealed, key_version, updated_at, updated_by FROM instance_setting ORDER BY name;

-- name: set
-- Stores a setting.
INSERT INTO instance_setting (name, value, sealed, key_version, updated_by)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE
SET value = excluded.value, sealed = excluded.sealed, key_version = excluded.key_version,
    updated_at = app_now(), updated_by = excluded.updated_by;

-- name: delete
-- Deletes a setting, so that its default applies; returns no row if it was not set.
DELETE FROM instance_setting WHERE name = $1 RETURNING name;
