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
