-- name: resolve_path
-- The version that a run by path uses, with the fields of the item that determine permissions. $4: the newest one
-- accepted for this member; null: the current one.
SELECT v.id, v.kind, v.path, v.hash, coalesce(v.run_document, v.document) AS document, v.format, v.language,
       coalesce(v.run_settings, v.settings) AS settings, v.imports, v.permissioned_as,
       v.lock_state, v.lock_error, i.extra_perms, i.created_by, i.archived OR v.archived AS archived
FROM item i
JOIN version v
    ON v.id = CASE WHEN $4::text IS NULL THEN i.version ELSE accepted_version(i.workspace, i.kind, i.path, $4) END
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3

-- name: resolve_hash
-- The script version with this hash.
SELECT v.id, v.kind, v.path, v.hash, coalesce(v.run_document, v.document) AS document, v.format, v.language,
       coalesce(v.run_settings, v.settings) AS settings, v.imports, v.permissioned_as,
       v.lock_state, v.lock_error, i.extra_perms, i.created_by, v.archived
FROM version v
JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.kind = 'script' AND v.hash = $2
ORDER BY v.id DESC LIMIT 1

-- name: resolve_version
-- The flow version with this id.
SELECT v.id, v.kind, v.path, v.hash, coalesce(v.run_document, v.document) AS document, v.format, v.language,
       coalesce(v.run_settings, v.settings) AS settings, v.imports, v.permissioned_as,
       v.lock_state, v.lock_error, i.extra_perms, i.created_by, v.archived
FROM version v
JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.kind = 'flow' AND v.id = $2

-- name: get_settings
-- The settings that runs of a version use.
SELECT coalesce(run_settings, settings) FROM version WHERE workspace = $1 AND id = $2

-- name: resolve_pins
-- The current versions of a workflow's script paths, in one query. $3 as $4 of resolve_path.
SELECT i.path, v.id, coalesce(v.run_document, v.document) AS document, v.language,
       coalesce(v.run_settings, v.settings) AS settings, v.imports, v.permissioned_as, v.lock_state, i.extra_perms,
       i.created_by
FROM item i
JOIN version v
    ON v.id = CASE WHEN $3::text IS NULL THEN i.version ELSE accepted_version(i.workspace, i.kind, i.path, $3) END
WHERE i.workspace = $1 AND i.kind = 'script' AND i.path = ANY($2::text[]) AND NOT i.archived AND NOT v.archived

-- name: resolve_flow_pins
-- The current versions of a workflow's workflow paths. $3 as $4 of resolve_path.
SELECT i.path, v.id, coalesce(v.run_document, v.document) AS document, v.language,
       coalesce(v.run_settings, v.settings) AS settings, v.imports, v.permissioned_as, v.lock_state, i.extra_perms,
       i.created_by
FROM item i
JOIN version v
    ON v.id = CASE WHEN $3::text IS NULL THEN i.version ELSE accepted_version(i.workspace, i.kind, i.path, $3) END
WHERE i.workspace = $1 AND i.kind = 'flow' AND i.path = ANY($2::text[]) AND NOT i.archived AND NOT v.archived

-- name: resolve_pinned_hashes
-- Scripts that a workflow names by version hash.
SELECT v.hash, v.path, v.id, coalesce(v.run_document, v.document) AS document, v.language,
       coalesce(v.run_settings, v.settings) AS settings, v.imports, v.permissioned_as, v.lock_state,
       i.extra_perms, i.created_by
FROM version v
JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.kind = 'script' AND v.hash = ANY($2::text[])

-- name: get_items
-- The items of these versions, without archived ones.
SELECT v.id, i.kind, i.path, i.extra_perms, i.created_by
FROM version v
JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.id = ANY($2::bigint[]) AND NOT i.archived

-- name: get_version_numbers
-- The numbers of versions within their paths, and whether they are current.
SELECT v.id, v.number, coalesce(i.version = v.id, false) AS current
FROM version v
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.id = ANY($1::bigint[])
