-- name: set_config
-- Starts to capture the requests of a path.
INSERT INTO capture_config (workspace, kind, path, trigger_kind, settings)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace, kind, path, trigger_kind) DO UPDATE SET settings = excluded.settings, pinged_at = app_now()

-- name: ping
-- Continues to capture the requests of a path; returns no row if there is no config.
UPDATE capture_config SET pinged_at = app_now()
WHERE workspace = $1 AND kind = $2 AND path = $3 AND trigger_kind = $4
RETURNING pinged_at

-- name: list_configs
-- The configs of a path.
SELECT trigger_kind, settings, pinged_at
FROM capture_config
WHERE workspace = $1 AND kind = $2 AND path = $3
ORDER BY trigger_kind

-- name: lock_listening
-- Locks the config of a path if it was pinged within $5 seconds.
SELECT pinged_at
FROM capture_config
WHERE workspace = $1 AND kind = $2 AND path = $3 AND trigger_kind = $4
  AND pinged_at > app_now() - make_interval(secs => $5)
FOR UPDATE

-- name: insert
-- Adds a captured request and deletes all but the newest $7 of its config.
WITH added AS (
    INSERT INTO capture (workspace, kind, path, trigger_kind, args, headers)
    VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING id
), trimmed AS (
    DELETE FROM capture
    WHERE id IN (
        SELECT id FROM capture
        WHERE workspace = $1 AND kind = $2 AND path = $3 AND trigger_kind = $4
        ORDER BY id DESC OFFSET $7 - 1)
)
SELECT id FROM added

-- name: list
-- A page of the captured requests of a path, newest first; $4: of one kind of trigger.
SELECT id, kind, path, trigger_kind, args, headers, created_at
FROM capture
WHERE workspace = $1 AND kind = $2 AND path = $3 AND ($4::text IS NULL OR trigger_kind = $4)
ORDER BY id DESC LIMIT $5 OFFSET $6

-- name: get
-- A captured request.
SELECT id, kind, path, trigger_kind, args, headers, created_at
FROM capture
WHERE workspace = $1 AND id = $2

-- name: delete
-- Deletes a captured request.
DELETE FROM capture WHERE workspace = $1 AND id = $2

-- name: delete_old
-- Deletes configs without a ping for a day, with their captured requests.
DELETE FROM capture_config WHERE pinged_at < app_now() - interval '1 day'

-- name: delete_at
-- Deletes the configs of a path, with their captured requests.
DELETE FROM capture_config WHERE workspace = $1 AND kind = $2 AND path = $3

-- name: delete_in_folder
-- Deletes the configs of the paths in a folder, with their captured requests.
DELETE FROM capture_config WHERE workspace = $1 AND starts_with(path, 'f/' || $2 || '/')
