-- name: get
-- The file of a name.
SELECT key, object, size, mime_type, disposition, created_by, created_at, edited_by, edited_at
FROM file
WHERE workspace = $1 AND key = $2;

-- name: lock
-- The file of a name, locked until the transaction ends.
SELECT key, object, size, mime_type, disposition, created_by, created_at, edited_by, edited_at
FROM file
WHERE workspace = $1 AND key = $2
FOR NO KEY UPDATE;

-- name: list
-- A page of the readable files by name. Files outside all users and folders are readable by everybody. $5: names after
-- this one; $6: prefix of the names.
SELECT key, object, size, mime_type, disposition, created_by, created_at, edited_by, edited_at
FROM file
WHERE workspace = $1
  AND ($2 OR NOT (starts_with(key, 'u/') OR starts_with(key, 'f/')) OR key LIKE ANY ($3::text[]))
  AND ($4::text[] IS NULL OR key LIKE ANY ($4))
  AND key > $5 AND key >= $6 AND starts_with(key, $6)
ORDER BY key LIMIT $7;

-- name: lock_total
-- Locks the total size of the files of a workspace until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('files ' || $1, 0));

-- name: sum_sizes
-- Total size of the files of a workspace, without that of name $2.
SELECT coalesce(sum(size), 0)::bigint FROM file WHERE workspace = $1 AND key <> $2;

-- name: put
-- Points a name at an object, replacing an earlier one.
INSERT INTO file (workspace, key, object, size, mime_type, disposition, created_by, edited_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT (workspace, key) DO UPDATE
SET object = excluded.object, size = excluded.size, mime_type = excluded.mime_type, disposition = excluded.disposition,
    edited_by = excluded.edited_by, edited_at = app_now()
RETURNING created_by;

-- name: move
-- Renames a file; returns no row if the new name is taken.
UPDATE file
SET key = $3, edited_by = $4, edited_at = app_now()
WHERE workspace = $1 AND key = $2 AND NOT EXISTS (SELECT FROM file WHERE workspace = $1 AND key = $3)
RETURNING key;

-- name: delete
-- Deletes the row of a file; returns its object.
DELETE FROM file WHERE workspace = $1 AND key = $2 RETURNING object;

-- name: filter_unreferenced
-- Those of these objects that belong to no file.
SELECT k.object
FROM unnest($1::text[]) AS k(object)
WHERE NOT EXISTS (SELECT FROM file f WHERE f.object = k.object);
