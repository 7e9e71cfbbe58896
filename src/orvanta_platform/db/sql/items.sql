-- name: get_by_path
-- The newest version at a path with its item and document.
SELECT v.id, v.workspace, v.kind, v.path, v.number, v.hash, v.format, v.language, v.settings, v.parent, v.author,
       v.message, v.created_at, v.lock_state, v.lock, v.lock_error, v.lock_job, v.made_schema, i.archived,
       i.extra_perms, i.created_by, i.edited_by, i.edited_at, i.version AS current, d.body,
       d.tree::text AS tree
FROM item AS i
JOIN version AS v ON v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path
JOIN document AS d ON d.hash = v.document
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3 AND NOT i.deleted AND NOT v.deleted
ORDER BY v.archived, v.number DESC LIMIT 1;

-- name: get_by_hash
-- The version with this hash (of flows, the newest of them).
SELECT v.id, v.workspace, v.kind, v.path, v.number, v.hash, v.format, v.language, v.settings, v.parent, v.author,
       v.message, v.created_at, v.lock_state, v.lock, v.lock_error, v.lock_job, v.made_schema,
       i.archived OR v.archived AS archived, i.extra_perms,
       i.created_by, i.edited_by, i.edited_at, i.version AS current, d.body,
       d.tree::text AS tree
FROM version AS v
JOIN item AS i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
JOIN document AS d ON d.hash = v.document
WHERE v.workspace = $1 AND v.kind = $2 AND v.hash = $3 AND NOT i.deleted AND NOT v.deleted
ORDER BY v.id DESC LIMIT 1;

-- name: get_by_version
-- The version with this id.
SELECT v.id, v.workspace, v.kind, v.path, v.number, v.hash, v.format, v.language, v.settings, v.parent, v.author,
       v.message, v.created_at, v.lock_state, v.lock, v.lock_error, v.lock_job, v.made_schema,
       i.archived OR v.archived AS archived, i.extra_perms,
       i.created_by, i.edited_by, i.edited_at, i.version AS current, d.body,
       d.tree::text AS tree
FROM version AS v
JOIN item AS i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
JOIN document AS d ON d.hash = v.document
WHERE v.workspace = $1 AND v.kind = $2 AND v.id = $3 AND NOT i.deleted AND NOT v.deleted;

-- name: get_head
-- An item without its versions, for checks of existence and permissions.
SELECT archived, extra_perms, created_by, version AS current
FROM item
WHERE workspace = $1 AND kind = $2 AND path = $3 AND NOT deleted;

-- name: get_perms
-- The extra_perms of several items of a kind.
SELECT path, extra_perms
FROM item
WHERE workspace = $1 AND kind = $2 AND path = ANY ($3::text[]) AND NOT archived;

-- name: list_paths_by_name
-- The paths of readable items of a kind whose names contain a text in any case, at most $8.
SELECT i.path
FROM item i
JOIN version v ON v.id = i.version
WHERE i.workspace = $1 AND i.kind = $2 AND NOT i.deleted AND strpos(lower(v.settings ->> 'summary'), lower($3)) > 0
  AND ($4 OR i.path LIKE ANY ($5::text[]) OR i.extra_perms ?| $6::text[])
  AND ($7::text[] IS NULL OR i.path LIKE ANY ($7))
ORDER BY i.path LIMIT $8;

-- name: list_summaries
-- The summaries of several readable items of a kind, in their current versions.
SELECT i.path, v.settings ->> 'summary' AS summary
FROM item i
JOIN version v ON v.id = i.version
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = ANY ($3::text[]) AND NOT i.deleted
  AND v.settings ->> 'summary' <> ''
  AND ($4 OR i.path LIKE ANY ($5::text[]) OR i.extra_perms ?| $6::text[])
  AND ($7::text[] IS NULL OR i.path LIKE ANY ($7));

-- name: list_schemas
-- The JSON Schemas of the inputs of several items of a kind, in their current versions.
SELECT i.path, coalesce(v.settings -> 'schema', v.made_schema)::text AS schema, i.created_by, i.extra_perms
FROM item i
JOIN version v ON v.id = i.version
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = ANY ($3::text[]) AND NOT i.archived;

-- name: list_parents
-- The hashes of the versions before this one at its path, newest first, at most 100.
SELECT hash
FROM version
WHERE workspace = $1 AND kind = 'script' AND path = $2 AND number < $3
ORDER BY number DESC LIMIT 100;

-- name: list_versions
-- A page of the versions at a path, newest first. $4: before this version id.
SELECT v.id, v.hash, v.message, v.created_at, v.author, v.number, v.lock_state, v.archived,
       coalesce(v.id = i.version, false) AS current
FROM version AS v
JOIN item AS i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.kind = $2 AND v.path = $3 AND NOT v.deleted AND ($4::bigint IS NULL OR v.id < $4)
ORDER BY v.id DESC LIMIT $5 OFFSET $6;

-- name: list
-- A page of the readable items of a kind, the latest edited first, without their documents. $22: spellings of a label
-- as JSON, which the labels are searched for as text: the conversion of any stored text to jsonb could fail.
SELECT v.id, v.workspace, v.kind, v.path, v.number, v.hash, v.format, v.language, v.settings, v.parent, v.author,
       v.message, v.created_at, v.lock_state, v.lock, v.lock_error, v.lock_job, v.made_schema, i.archived,
       i.extra_perms, i.created_by, i.edited_by, i.edited_at, i.version AS current, ''::bytea AS body,
       EXISTS (SELECT 1 FROM draft AS e
               WHERE e.workspace = i.workspace AND e.kind = i.kind AND e.path = i.path AND e.owner = $18) AS has_draft,
       EXISTS (SELECT 1 FROM favourite AS f
               WHERE f.workspace = i.workspace AND f.kind = i.kind AND f.path = i.path AND f.username = $18) AS starred
FROM item AS i
JOIN version AS v ON v.id = i.version
WHERE i.workspace = $1 AND i.kind = $2 AND NOT i.deleted
  AND ($3 OR i.path LIKE ANY ($4::text[]) OR i.extra_perms ?| $5::text[])
  AND ($6::text[] IS NULL OR i.path LIKE ANY ($6))
  AND i.archived = $7
  AND ($8::text IS NULL OR starts_with(i.path, $8))
  AND ($9::text IS NULL OR i.path = $9)
  AND ($10::text IS NULL OR i.created_by = $10)
  AND ($11::text[] IS NULL OR v.language = ANY ($11))
  AND ($12::text[] IS NULL OR coalesce(v.settings ->> 'kind', 'script') = ANY ($12))
  AND ($13::bigint IS NULL OR v.id < $13)
  AND ($14::bigint IS NULL OR v.id > $14)
  AND (NOT $19 OR EXISTS (SELECT 1 FROM favourite AS f
                          WHERE f.workspace = i.workspace AND f.kind = i.kind AND f.path = i.path
                            AND f.username = $18))
  AND ($20::boolean IS NULL OR (coalesce(v.settings ->> 'is_template', '') = 'true') = $20)
  AND ($21::boolean IS NULL OR (coalesce(v.settings ->> 'dedicated_worker', '') = 'true') = $21)
  AND ($22::text[] IS NULL
       OR EXISTS (SELECT 1 FROM unnest($22) AS l (label) WHERE strpos((v.settings -> 'labels')::text, l.label) > 0))
ORDER BY CASE WHEN $15 THEN v.id END ASC, v.id DESC
LIMIT $16 OFFSET $17;

-- name: list_paths
-- The readable paths of a kind.
SELECT path
FROM item
WHERE workspace = $1 AND kind = $2 AND NOT archived
  AND ($3 OR path LIKE ANY ($4::text[]) OR extra_perms ?| $5::text[])
  AND ($6::text[] IS NULL OR path LIKE ANY ($6))
ORDER BY path;

-- name: open_item
-- The item at a path, created if missing, locked until the transaction ends.
INSERT INTO item AS i (workspace, kind, path, archived, deleted, created_by, edited_by)
VALUES ($1, $2, $3, true, true, $4, $4)
ON CONFLICT (workspace, kind, path) DO UPDATE SET edited_by = i.edited_by
RETURNING archived, deleted, extra_perms, created_by, version AS current;

-- name: get_newest_version
-- The newest version at a path, including deleted ones: numbers are never reused.
SELECT id, number, hash, deleted
FROM version
WHERE workspace = $1 AND kind = $2 AND path = $3
ORDER BY number DESC LIMIT 1;

-- name: insert_version
-- Adds the next version at a path.
INSERT INTO version (workspace, kind, path, number, hash, content_hash, document, format, language, settings, parent,
                     author, message, lock, lock_state, lock_job, made_schema, permissioned_as, imports,
                     defaults, run_settings, run_document)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::json, $11, $12, $13, $14::text,
        CASE WHEN $14::text IS NULL THEN 'locking' ELSE 'locked' END, $15, $16::json, $17, $18::json,
        $19::json, $20::json, $21)
RETURNING id;

-- name: set_current_version
-- Restores the item and makes its newest version with a lock current; if there is none, the newest version.
UPDATE item AS i SET
    version = (SELECT v.id FROM version AS v
               WHERE v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path AND NOT v.archived
               ORDER BY v.lock_state = 'locked' DESC, v.number DESC LIMIT 1),
    archived = false, deleted = false, edited_by = $4, edited_at = app_now(),
    created_by = CASE WHEN i.deleted THEN $4 ELSE i.created_by END
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3;

-- name: set_archived
-- Archives or restores an item; returns no row if it does not exist or nothing changes.
UPDATE item
SET archived = $4, edited_by = $5, edited_at = app_now()
WHERE workspace = $1 AND kind = $2 AND path = $3 AND NOT deleted AND archived <> $4
RETURNING path;

-- name: delete_item
-- Marks an item and its versions as deleted, and deletes the tests of a workflow; returns no row if it does not exist.
WITH deleted_item AS (
    UPDATE item
    SET archived = true, deleted = true, version = NULL, extra_perms = '{}', edited_by = $4,
                    edited_at = app_now()
    WHERE workspace = $1 AND kind = $2 AND path = $3 AND NOT deleted
    RETURNING workspace, kind, path
), deleted_versions AS (
    UPDATE version AS v
    SET archived = true, deleted = true
    FROM deleted_item
    WHERE v.workspace = deleted_item.workspace AND v.kind = deleted_item.kind AND v.path = deleted_item.path
), deleted_tests AS (
    DELETE FROM workflow_test AS t
    USING deleted_item
    WHERE deleted_item.kind = 'flow' AND t.workspace = deleted_item.workspace AND t.path = deleted_item.path
)
SELECT path
FROM deleted_item;

-- name: get_defaults
-- The defaults of policies that a version has.
SELECT defaults::text FROM version WHERE id = $1;

-- name: close_version
-- Archives one version, and with $2 also marks it as deleted.
UPDATE version
SET archived = true, deleted = deleted OR $2
WHERE id = $1
RETURNING id;

-- name: update_current_version
-- Makes the newest open version with a lock current; archives the item if no version is open.
UPDATE item AS i SET
    version = (SELECT v.id FROM version AS v
               WHERE v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path AND NOT v.archived
               ORDER BY v.lock_state = 'locked' DESC, v.number DESC LIMIT 1),
    archived = i.archived OR NOT EXISTS (
        SELECT 1
        FROM version AS v
        WHERE v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path AND NOT v.archived),
    edited_by = $4, edited_at = app_now()
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3;

-- name: list_contents
-- A page of the readable scripts by path, with their documents, of $8 bytes in total.
SELECT c.path, c.body
FROM (SELECT i.path, d.body, sum(octet_length(d.body)) OVER (ORDER BY i.path) - octet_length(d.body) AS before
      FROM item AS i
      JOIN version AS v ON v.id = i.version
      JOIN document AS d ON d.hash = v.document
      WHERE i.workspace = $1 AND i.kind = 'script' AND NOT i.archived AND NOT i.deleted
        AND ($2 OR i.path LIKE ANY ($3::text[]) OR i.extra_perms ?| $4::text[])
        AND ($5::text[] IS NULL OR i.path LIKE ANY ($5))
      ORDER BY i.path LIMIT $6 OFFSET $7) AS c
WHERE c.before < $8
ORDER BY c.path;

-- name: get_digests
-- The SHA-256 of the documents of those of these scripts that are readable.
SELECT i.path, v.document
FROM item AS i
JOIN version AS v ON v.id = i.version
WHERE i.workspace = $1 AND i.kind = 'script' AND NOT i.archived AND NOT i.deleted AND i.path = ANY ($6::text[])
  AND ($2 OR i.path LIKE ANY ($3::text[]) OR i.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR i.path LIKE ANY ($5));
