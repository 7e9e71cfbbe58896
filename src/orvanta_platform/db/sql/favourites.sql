-- name: insert
-- Marks an item as a favourite of a member.
INSERT INTO favourite (workspace, username, kind, path) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
RETURNING path;

-- name: count
-- The number of favourites of a member.
SELECT count(*) FROM favourite WHERE workspace = $1 AND username = $2;

-- name: delete
-- Removes the mark of a favourite.
DELETE FROM favourite WHERE workspace = $1 AND username = $2 AND kind = $3 AND path = $4
RETURNING path;

-- name: exists
-- Returns true if an item is a favourite of a member.
SELECT EXISTS (SELECT FROM favourite WHERE workspace = $1 AND username = $2 AND kind = $3 AND path = $4);
