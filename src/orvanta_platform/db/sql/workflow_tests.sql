-- name: list
-- The tests of a workflow.
SELECT path, name, body::text AS body, hash, version, edited_by, edited_at
FROM workflow_test
WHERE workspace = $1 AND path = $2
ORDER BY name;

-- name: list_names
-- The names of the tests of some workflows, at most $3.
SELECT path, name, hash
FROM workflow_test
WHERE workspace = $1 AND path = ANY ($2::text[])
ORDER BY path, name LIMIT $3;

-- name: list_bodies
-- The bodies of some tests of a workflow.
SELECT name, body::text AS body
FROM workflow_test
WHERE workspace = $1 AND path = $2 AND name = ANY ($3::text[]);

-- name: list_tree
-- The tests of the readable workflows, or those of $6 only (path of the workflow, slash, name); also of workflows that
-- do not exist here, of which an imported release awaits the tests.
SELECT t.path, t.name, t.body::text AS body, t.hash, t.version, t.edited_by, t.edited_at
FROM workflow_test AS t
LEFT JOIN item AS i ON i.workspace = t.workspace AND i.kind = 'flow' AND i.path = t.path
WHERE t.workspace = $1 AND (i.path IS NULL OR i.deleted OR NOT i.archived)
  AND ($2 OR t.path LIKE ANY ($3::text[]) OR i.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR t.path LIKE ANY ($5))
  AND ($6::text[] IS NULL OR t.path || '/tests/' || t.name = ANY ($6))
ORDER BY t.path, t.name;

-- name: count
-- The number of tests of a workflow.
SELECT count(*)
FROM workflow_test
WHERE workspace = $1 AND path = $2;

-- name: count_by_path
-- The numbers of tests of some workflows that have tests.
SELECT path, count(*) AS tests
FROM workflow_test
WHERE workspace = $1 AND path = ANY ($2::text[])
GROUP BY path;

-- name: is_awaited
-- True if an imported release of the workspace contains an item at a path at which no workflow exists.
SELECT NOT EXISTS (SELECT FROM item WHERE workspace = $1 AND kind = 'flow' AND path = $2 AND NOT deleted)
   AND EXISTS (SELECT FROM release WHERE workspace = $1 AND imported IS NOT NULL AND $2 = ANY (paths));

-- name: insert
-- Adds a test.
INSERT INTO workflow_test (workspace, path, name, body, hash, edited_by)
VALUES ($1, $2, $3, $4::text::json, $5, $6)
ON CONFLICT (workspace, path, name) DO NOTHING
RETURNING version;

-- name: update
-- Replaces a test.
UPDATE workflow_test
SET body = $4::text::json, hash = $5, version = version + 1, edited_by = $6, edited_at = app_now()
WHERE workspace = $1 AND path = $2 AND name = $3
RETURNING version;

-- name: delete
-- Deletes a test.
DELETE FROM workflow_test WHERE workspace = $1 AND path = $2 AND name = $3 RETURNING name;

-- name: delete_awaited
-- Deletes the tests at a path at which no workflow existed, before one is moved there.
DELETE FROM workflow_test WHERE workspace = $1 AND path = $2;

-- name: move
-- Moves the tests of a workflow to its new path.
UPDATE workflow_test SET path = $3 WHERE workspace = $1 AND path = $2;

-- name: list_recorded
-- The jobs and nodes of a run that ended, by their ends.
SELECT id, state, kind
FROM job
WHERE run = $1
ORDER BY ended_at, id LIMIT $2;
