-- name: list
-- The policies of a workspace and of the instance, those of the instance first; null: those of the instance.
SELECT workspace, name, body::text AS body, version, edited_by, edited_at
FROM policy
WHERE workspace = $1 OR workspace IS NULL
ORDER BY workspace IS NOT NULL, name;

-- name: list_applied
-- The bodies of the policies of a workspace and of the instance that are not off.
SELECT body::text AS body
FROM policy
WHERE (workspace = $1 OR workspace IS NULL) AND body ->> 'mode' <> 'off'
ORDER BY workspace IS NOT NULL, name;

-- name: list_package_policies
-- The bodies of the active policies of a workspace and of the instance that restrict packages.
SELECT body::text AS body
FROM policy
WHERE (workspace = $1 OR workspace IS NULL) AND body ->> 'mode' = 'active'
  AND body -> 'rules' @> '[{"kind": "restrict", "field": "packages"}]'
ORDER BY workspace IS NOT NULL, name;

-- name: list_limits
-- The smallest maximum of each limited resource in the active policies of a workspace and of the instance.
SELECT r.rule ->> 'resource' AS resource, min((r.rule ->> 'maximum')::bigint) AS maximum
FROM policy AS p
CROSS JOIN jsonb_array_elements(p.body -> 'rules') AS r (rule)
WHERE (p.workspace = $1 OR p.workspace IS NULL) AND p.body ->> 'mode' = 'active'
  AND r.rule ->> 'kind' = 'limit'
GROUP BY 1;

-- name: insert
-- Adds a policy.
INSERT INTO policy (workspace, name, body, edited_by)
VALUES ($1, $2, $3::text::jsonb, $4)
ON CONFLICT (workspace, name) DO NOTHING
RETURNING name;

-- name: update
-- Replaces a policy of a workspace, or of the instance if $1 is null.
UPDATE policy
SET body = $3::text::jsonb, version = version + 1, edited_by = $4, edited_at = app_now()
WHERE workspace IS NOT DISTINCT FROM $1 AND name = $2
RETURNING version;

-- name: delete
-- Deletes a policy of a workspace, or of the instance if $1 is null.
DELETE FROM policy WHERE workspace IS NOT DISTINCT FROM $1 AND name = $2 RETURNING name;

-- name: list_documents
-- A page of the readable items of a kind after path $3, with their documents up to $8 bytes, as runs use
-- them. Those of YAML documents are their JSON, if it is stored.
SELECT i.path, v.language,
       CASE WHEN d.tree IS NULL AND v.run_document IS NULL THEN v.format ELSE 'json' END AS format,
       coalesce(v.run_settings, v.settings)::text AS settings,
       CASE WHEN octet_length(d.body) <= $8 THEN coalesce(convert_to(d.tree::text, 'UTF8'), d.body) END AS body
FROM item AS i
JOIN version AS v ON v.id = i.version
JOIN document AS d ON d.hash = coalesce(v.run_document, v.document)
WHERE i.workspace = $1 AND i.kind = $2 AND i.path > $3 AND NOT i.deleted AND NOT i.archived
  AND ($4 OR i.path LIKE ANY ($5::text[]) OR i.extra_perms ?| $6::text[])
  AND ($7::text[] IS NULL OR i.path LIKE ANY ($7))
ORDER BY i.path LIMIT $9;

-- name: list_locks
-- The locks of the current versions of the items of a kind at some paths. Of a text, the first $4 characters.
SELECT i.path, left(v.lock, $4) AS lock
FROM item AS i
JOIN version AS v ON v.id = i.version
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = ANY ($3::text[]) AND v.lock IS NOT NULL;
