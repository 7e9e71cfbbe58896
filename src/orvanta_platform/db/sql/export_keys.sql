-- name: get
-- The export key of a workspace with the wrapped key that it is sealed with.
SELECT e.sealed, k.version AS key_version, k.wrapped, k.wrapped_by
FROM export_key AS e
JOIN data_key AS k ON k.workspace = e.workspace AND k.version = e.key_version
WHERE e.workspace = $1;

-- name: insert
-- Stores the first export key of a workspace; does nothing if it has one.
INSERT INTO export_key (workspace, sealed, key_version)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING;

-- name: store
-- Sets the export key of a workspace.
INSERT INTO export_key (workspace, sealed, key_version)
VALUES ($1, $2, $3)
ON CONFLICT (workspace) DO UPDATE
SET sealed = excluded.sealed, key_version = excluded.key_version;

-- name: list_secrets
-- The secret variables of these paths with the wrapped keys that they are sealed with.
SELECT v.path, v.sealed, k.version AS key_version, k.wrapped, k.wrapped_by
FROM variable AS v
JOIN data_key AS k ON k.workspace = v.workspace AND k.version = v.key_version
WHERE v.workspace = $1 AND v.path = ANY ($2);
