-- name: server_version
-- The server's version as a number, 180006 for 18.6.
SELECT current_setting('server_version_num')

-- name: lock_timeout
-- How long a lock is waited for on this connection.
SELECT current_setting('lock_timeout')

-- name: set_lock_timeout
-- No lock is waited for longer than this: the transaction is tried again with jitter.
SET LOCAL lock_timeout = '500ms'

-- name: create_migration_table
-- Where applied migrations are noted.
CREATE TABLE IF NOT EXISTS migration (
    name       text PRIMARY KEY,
    breaking   boolean NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: migration_table_exists
-- Whether this database was ever migrated.
SELECT to_regclass('migration') IS NOT NULL

-- name: lock_migrations
-- One migrator at a time, from before the table exists; the next one finds nothing left to do.
SELECT pg_advisory_xact_lock(hashtext('orvanta.migrations'))

-- name: applied_migrations
-- The migrations that this database has.
SELECT name, breaking FROM migration ORDER BY name

-- name: note_migration
-- A migration was applied.
INSERT INTO migration (name, breaking) VALUES ($1, $2)

-- name: ensure_partitions
-- The weekly partitions of history around now.
SELECT ensure_partitions($1)

-- name: notify
-- Wake whoever listens; sent outside of any transaction that writes.
SELECT pg_notify($1, $2)
