-- name: get
-- One resource with the data key of its secret fields.
SELECT r.workspace, r.path, r.resource_type, r.value, r.description, r.labels, r.ws_specific, r.extra_perms,
       r.created_by, r.edited_at,
       EXISTS (SELECT FROM variable AS v WHERE v.workspace = r.workspace AND v.path = r.path) AS is_linked,
       r.sealed, r.key_version, k.wrapped, k.wrapped_by
FROM resource AS r
LEFT JOIN data_key AS k ON k.workspace = r.workspace AND k.version = r.key_version
WHERE r.workspace = $1 AND r.path = $2;

-- name: get_editor
-- The last editor of a resource, and the address of its account, which is null if there is none any more.
SELECT r.edited_by, coalesce(m.email, a.email) AS email
FROM resource AS r
LEFT JOIN member AS m ON m.workspace = r.workspace AND m.username = r.edited_by
LEFT JOIN account AS a ON a.username = r.edited_by AND a.super_admin
WHERE r.workspace = $1 AND r.path = $2;

-- name: lock
-- One resource with the data key of its secret fields, locked until the transaction ends.
SELECT r.workspace, r.path, r.resource_type, r.value, r.description, r.labels, r.ws_specific, r.extra_perms,
       r.created_by, r.edited_at, false AS is_linked, r.sealed, r.key_version, k.wrapped, k.wrapped_by
FROM resource AS r
LEFT JOIN data_key AS k ON k.workspace = r.workspace AND k.version = r.key_version
WHERE r.workspace = $1 AND r.path = $2
FOR NO KEY UPDATE OF r;

-- name: lock_of_type
-- All resources of a type, locked until the transaction ends.
SELECT r.workspace, r.path, r.resource_type, r.value, r.description, r.labels, r.ws_specific, r.extra_perms,
       r.created_by, r.edited_at, false AS is_linked, r.sealed, r.key_version, k.wrapped, k.wrapped_by
FROM resource AS r
LEFT JOIN data_key AS k ON k.workspace = r.workspace AND k.version = r.key_version
WHERE r.workspace = $1 AND r.resource_type = $2
ORDER BY r.path
FOR NO KEY UPDATE OF r;

-- name: list
-- A page of the readable resources by path. $11: a text in the masked value; $13: paths after this one.
SELECT r.workspace, r.path, r.resource_type, NULL::text AS value, r.description, r.labels, r.ws_specific, r.extra_perms,
       r.created_by, r.edited_at,
       EXISTS (SELECT FROM variable AS v WHERE v.workspace = r.workspace AND v.path = r.path) AS is_linked
FROM resource AS r
WHERE r.workspace = $1
  AND ($2 OR r.path LIKE ANY ($3::text[]) OR r.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR r.path LIKE ANY ($5))
  AND ($6::text[] IS NULL OR r.resource_type = ANY ($6))
  AND ($7::text[] IS NULL OR r.resource_type <> ALL ($7))
  AND ($8::text IS NULL OR starts_with(r.path, $8))
  AND ($9::text IS NULL OR r.path = $9)
  AND ($10::text IS NULL OR position(lower($10) IN lower(r.description)) > 0)
  AND ($11::text IS NULL OR position($11 IN r.value::text) > 0)
  AND ($12::text IS NULL OR $12 = ANY (r.labels))
  AND r.path > $13
ORDER BY r.path LIMIT $14 OFFSET $15;

-- name: insert
-- Adds a resource; returns no row if the path is taken.
INSERT INTO resource (workspace, path, resource_type, value, sealed, key_version, description, labels, ws_specific,
                      created_by, edited_by)
VALUES ($1, $2, $3, $4::json, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT DO NOTHING
RETURNING path;

-- name: update
-- Replaces the resource at $11. $10: its last editor, with whose rights tests of a connection open the references;
-- null: unchanged.
UPDATE resource
SET path = $2, resource_type = $3, value = $4::json, sealed = $5, key_version = $6, description = $7, labels = $8,
                    ws_specific = $9, edited_by = coalesce($10, edited_by), edited_at = app_now()
WHERE workspace = $1 AND path = $11
RETURNING path;

-- name: delete
-- Deletes a resource.
DELETE FROM resource WHERE workspace = $1 AND path = $2 RETURNING path;

-- name: list_workspace_specific
-- The paths of the readable resources whose value is meant for this workspace only.
SELECT path
FROM resource
WHERE workspace = $1 AND ws_specific
  AND ($2 OR path LIKE ANY ($3::text[]) OR extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR path LIKE ANY ($5))
ORDER BY path;
