-- name: find_importable
-- Scripts to import, by path: the newest version that is not archived and did not fail to lock, whether or not its
-- packages are locked yet. $3: the newest one accepted for this member; null: any.
SELECT i.path, v.hash, v.document, v.language, octet_length(d.body) AS size, i.extra_perms, i.created_by
FROM item AS i
JOIN version AS v ON v.id = CASE
    WHEN $3::text IS NULL THEN (
        SELECT n.id
        FROM version AS n
        WHERE n.workspace = i.workspace AND n.kind = i.kind AND n.path = i.path AND NOT n.archived
          AND n.lock_state <> 'failed'
        ORDER BY n.number DESC LIMIT 1)
    ELSE accepted_version(i.workspace, i.kind, i.path, $3) END
JOIN document AS d ON d.hash = v.document
WHERE i.workspace = $1 AND i.kind = 'script' AND i.path = ANY ($2::text[]) AND NOT i.archived AND NOT v.archived;

-- name: list_drafts
-- A member's drafts of scripts, by path, with the fields of their items that determine permissions.
SELECT e.path, e.body, i.extra_perms, i.created_by
FROM draft AS e
LEFT JOIN item AS i ON i.workspace = e.workspace AND i.kind = e.kind AND i.path = e.path AND NOT i.deleted
WHERE e.workspace = $1 AND e.kind = 'script' AND e.path = ANY ($2::text[]) AND e.owner = $3;

-- name: list_documents
-- Documents by hash.
SELECT hash, body
FROM document
WHERE hash = ANY ($1::bytea[]);

-- name: store_documents
-- Stores these bytes; does nothing for those that are stored.
INSERT INTO document (hash, body)
SELECT *
FROM unnest($1::bytea[], $2::bytea[]) AS new (hash, body)
ON CONFLICT DO NOTHING;

-- name: get_imports
-- The closures of a version: hashes in hex, by node.
SELECT imports
FROM version
WHERE id = $1;

-- name: list_reachable
-- Paths of scripts that the current versions of these scripts import, directly or through others, at most $3. OFFSET 0
-- keeps the look-up by index for each script: a hash join reads a whole table again for each level of the imports.
WITH RECURSIVE reached AS (
    SELECT named.path
    FROM unnest($2::text[]) AS named (path)
    UNION
    SELECT used.path
    FROM reached AS r
    CROSS JOIN LATERAL (
        SELECT u.path
        FROM item AS i
        JOIN version_use AS u ON u.version = i.version AND u.kind = 'script' AND u.node = ''
        WHERE i.workspace = $1 AND i.kind = 'script' AND i.path = r.path
        OFFSET 0) AS used
)
SELECT path
FROM reached LIMIT $3;
