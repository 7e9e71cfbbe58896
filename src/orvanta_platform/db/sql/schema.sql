-- name: server_version
-- The server's version as a number, 180006 for 18.6.
SELECT current_setting('server_version_num')

-- name: lock_timeout
-- The lock timeout of this connection.
SELECT current_setting('lock_timeout')

-- name: set_lock_timeout
-- Sets the lock timeout of the transaction, which is retried with jitter if it fails.
SET LOCAL lock_timeout = '500ms'

-- name: create_migration_table
-- Creates the table of applied migrations.
CREATE TABLE IF NOT EXISTS migration (
    name       text PRIMARY KEY,
    breaking   boolean NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: migration_table_exists
-- Returns true if this database was ever migrated.
SELECT to_regclass('migration') IS NOT NULL

-- name: lock_migrations
-- Serialises migrations, before the table exists; the next process finds nothing left to do.
SELECT pg_advisory_xact_lock(hashtext('orvanta.migrations'))

-- name: applied_migrations
-- The migrations applied to this database.
SELECT name, breaking FROM migration ORDER BY name

-- name: record_migration
-- Records an applied migration.
INSERT INTO migration (name, breaking) VALUES ($1, $2)

-- name: ensure_partitions
-- Creates the weekly partitions of history around a time.
SELECT ensure_partitions($1)

-- name: notify
-- Sends notifications in their order, outside any transaction that writes.
SELECT pg_notify($1, payload)
FROM unnest($2::text[]) AS payload
