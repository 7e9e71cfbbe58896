-- name: insert
-- Adds a saved input, unless its creator has $8 of the item already; then returns no row.
INSERT INTO saved_input (id, workspace, kind, path, name, args, created_by)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE (SELECT count(*) FROM saved_input
       WHERE workspace = $2 AND kind = $3 AND path = $4 AND created_by = $7) < $8
RETURNING id

-- name: list
-- A page of the saved inputs of an item that a member may use, newest first.
SELECT id, kind, path, name, is_public, created_by, created_at, ''::bytea AS args
FROM saved_input
WHERE workspace = $1 AND kind = $2 AND path = $3 AND (is_public OR created_by = $4)
ORDER BY created_at DESC, id LIMIT $5 OFFSET $6

-- name: get
-- A saved input.
SELECT id, kind, path, name, is_public, created_by, created_at, args
FROM saved_input
WHERE workspace = $1 AND id = $2

-- name: update
-- Changes name and audience of a saved input.
UPDATE saved_input SET name = $3, is_public = $4 WHERE workspace = $1 AND id = $2

-- name: delete
-- Deletes a saved input.
DELETE FROM saved_input WHERE workspace = $1 AND id = $2
