-- name: get
-- One variable with its data key.
SELECT v.workspace, v.path, v.value, v.sealed IS NOT NULL AS is_secret, v.description, v.account, v.is_oauth,
       v.expires_at,
       coalesce(v.expires_at <= app_now(), false) AS is_expired, v.labels, v.ws_specific, v.extra_perms, v.created_by,
       v.edited_at, v.sealed, v.key_version, k.wrapped, k.wrapped_by
FROM variable AS v
LEFT JOIN data_key AS k ON k.workspace = v.workspace AND k.version = v.key_version
WHERE v.workspace = $1 AND v.path = $2;

-- name: lock
-- One variable with its data key, locked until the transaction ends.
SELECT v.workspace, v.path, v.value, v.sealed IS NOT NULL AS is_secret, v.description, v.account, v.is_oauth,
       v.expires_at,
       coalesce(v.expires_at <= app_now(), false) AS is_expired, v.labels, v.ws_specific, v.extra_perms, v.created_by,
       v.edited_at, v.sealed, v.key_version, k.wrapped, k.wrapped_by
FROM variable AS v
LEFT JOIN data_key AS k ON k.workspace = v.workspace AND k.version = v.key_version
WHERE v.workspace = $1 AND v.path = $2
FOR NO KEY UPDATE OF v;

-- name: list
-- A page of the readable variables by path, without values over 10,000 characters. $9: a text in the value of one that
-- is not a secret; $11: paths after this one.
SELECT v.workspace, v.path, CASE WHEN length(v.value) <= 10000 THEN v.value END AS value,
       v.sealed IS NOT NULL AS is_secret, v.description, v.account, v.is_oauth, v.expires_at,
       coalesce(v.expires_at <= app_now(), false) AS is_expired, v.labels, v.ws_specific, v.extra_perms, v.created_by,
       v.edited_at
FROM variable AS v
WHERE v.workspace = $1
  AND ($2 OR v.path LIKE ANY ($3::text[]) OR v.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR v.path LIKE ANY ($5))
  AND ($6::text IS NULL OR starts_with(v.path, $6))
  AND ($7::text IS NULL OR v.path = $7)
  AND ($8::text IS NULL OR position(lower($8) IN lower(v.description)) > 0)
  AND ($9::text IS NULL OR position($9 IN v.value) > 0)
  AND ($10::text IS NULL OR $10 = ANY (v.labels))
  AND v.path > $11
ORDER BY v.path LIMIT $12 OFFSET $13;

-- name: insert
-- Adds a variable; returns no row if the path is taken.
INSERT INTO variable (workspace, path, value, sealed, key_version, description, account, is_oauth, expires_at, labels,
                      ws_specific, created_by, edited_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
ON CONFLICT DO NOTHING
RETURNING path;

-- name: update
-- Replaces the variable at $13.
UPDATE variable
SET path = $2, value = $3, sealed = $4, key_version = $5, description = $6, account = $7, is_oauth = $8,
                    expires_at = $9, labels = $10, ws_specific = $11, edited_by = $12, edited_at = app_now()
WHERE workspace = $1 AND path = $13
RETURNING path;

-- name: delete
-- Deletes a variable.
DELETE FROM variable WHERE workspace = $1 AND path = $2 RETURNING path;

-- name: list_workspace_specific
-- The paths of the readable variables whose value is meant for this workspace only.
SELECT path
FROM variable
WHERE workspace = $1 AND ws_specific
  AND ($2 OR path LIKE ANY ($3::text[]) OR extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR path LIKE ANY ($5))
ORDER BY path;
