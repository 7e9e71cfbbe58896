-- name: list_versions
-- The newest versions of the readable items of a kind by path. $7: at these paths only; $8: with their documents.
SELECT i.path, v.id, v.hash, v.format, v.language, v.settings, v.lock, v.document, d.body, d.tree::text AS tree
FROM item AS i
CROSS JOIN LATERAL (
    SELECT w.id, w.hash, w.format, w.language, w.settings, w.lock, w.document
    FROM version AS w
    WHERE w.workspace = i.workspace AND w.kind = i.kind AND w.path = i.path AND NOT w.deleted AND NOT w.archived
    ORDER BY w.number DESC LIMIT 1) AS v
LEFT JOIN document AS d ON $8 AND d.hash = v.document
WHERE i.workspace = $1 AND i.kind = $2 AND NOT i.archived AND NOT i.deleted
  AND ($3 OR i.path LIKE ANY ($4::text[]) OR i.extra_perms ?| $5::text[])
  AND ($6::text[] IS NULL OR i.path LIKE ANY ($6))
  AND ($7::text[] IS NULL OR i.path = ANY ($7))
ORDER BY i.path;

-- name: list_variables
-- The readable variables without an expiry by path; secret ones without their value. $6: at these paths only.
SELECT v.path, v.value, v.sealed IS NOT NULL AS is_secret, v.description, v.labels
FROM variable AS v
WHERE v.workspace = $1 AND v.expires_at IS NULL
  AND ($2 OR v.path LIKE ANY ($3::text[]) OR v.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR v.path LIKE ANY ($5))
  AND ($6::text[] IS NULL OR v.path = ANY ($6))
ORDER BY v.path;

-- name: list_resources
-- The readable resources by path, without those of the types $7; secrets are masked. $6: at these paths only.
SELECT r.path, r.resource_type, r.value, r.description, r.labels
FROM resource AS r
WHERE r.workspace = $1 AND r.resource_type <> ALL ($7::text[])
  AND ($2 OR r.path LIKE ANY ($3::text[]) OR r.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR r.path LIKE ANY ($5))
  AND ($6::text[] IS NULL OR r.path = ANY ($6))
ORDER BY r.path;

-- name: list_sizes
-- Sizes of contents at paths of variables ($2), resources ($3), schedules ($4), scripts ($5) and flows ($6), without a
-- check of permissions; $7: with the documents of scripts and flows. Lengths are known without reading the values.
SELECT 'variable' AS kind, path, octet_length(value) AS size
FROM variable
WHERE workspace = $1 AND path = ANY ($2)
UNION ALL
SELECT 'resource', path, octet_length(value::text)
FROM resource
WHERE workspace = $1 AND path = ANY ($3)
UNION ALL
SELECT 'schedule', path,
       coalesce(octet_length(args::text), 0)
       + coalesce(octet_length(on_failure_extra_args::text), 0)
       + coalesce(octet_length(on_recovery_extra_args::text), 0)
       + coalesce(octet_length(on_success_extra_args::text), 0)
FROM schedule
WHERE workspace = $1 AND path = ANY ($4)
UNION ALL
SELECT w.kind, w.path,
       octet_length(v.settings::text) + coalesce(octet_length(v.lock), 0) + coalesce(octet_length(d.body), 0)
       + coalesce(octet_length(d.tree::text), 0)
FROM (
    SELECT 'script' AS kind, unnest($5::text[]) AS path
    UNION ALL
    SELECT 'flow', unnest($6::text[])) AS w
CROSS JOIN LATERAL (
    SELECT x.settings, x.lock, x.document
    FROM version AS x
    WHERE x.workspace = $1 AND x.kind = w.kind AND x.path = w.path AND NOT x.deleted AND NOT x.archived
    ORDER BY x.number DESC LIMIT 1) AS v
LEFT JOIN document AS d ON $7 AND d.hash = v.document;

-- name: list_occupied_folders
-- Those of the folders $2 that have items, other than those of the kinds $3 at the paths $4, and than resources of the
-- types $5. Permissions are not checked.
WITH stored AS (
    SELECT i.kind, i.path
    FROM item AS i
    WHERE i.workspace = $1 AND NOT i.archived AND NOT i.deleted
    UNION ALL
    SELECT 'variable', v.path
    FROM variable AS v
    WHERE v.workspace = $1 AND v.expires_at IS NULL
    UNION ALL
    SELECT 'resource', r.path
    FROM resource AS r
    WHERE r.workspace = $1 AND r.resource_type <> ALL ($5::text[])
    UNION ALL
    SELECT 'schedule', s.path
    FROM schedule AS s
    WHERE s.workspace = $1
    UNION ALL
    SELECT 'http_trigger', t.path
    FROM http_trigger AS t
    WHERE t.workspace = $1)
SELECT DISTINCT split_part(stored.path, '/', 2) AS folder
FROM stored
WHERE stored.path LIKE 'f/%' AND split_part(stored.path, '/', 2) = ANY ($2::text[])
  AND NOT EXISTS (
    SELECT FROM unnest($3::text[], $4::text[]) AS removed (kind, path)
    WHERE removed.kind = stored.kind AND removed.path = stored.path);
