-- name: get_newest
-- The key that encrypts the secrets of a workspace.
SELECT version, wrapped, wrapped_by
FROM data_key
WHERE workspace = $1
ORDER BY version DESC LIMIT 1;

-- name: get
-- One key of a workspace.
SELECT version, wrapped, wrapped_by
FROM data_key
WHERE workspace = $1 AND version = $2;

-- name: insert
-- Inserts a key; does nothing if this version exists.
INSERT INTO data_key (workspace, version, wrapped, wrapped_by)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;
