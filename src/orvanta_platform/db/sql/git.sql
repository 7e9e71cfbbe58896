-- name: delete_other
-- Deletes the binding of a workspace to another repository, branch or folder, with its state.
DELETE FROM git_binding WHERE workspace = $1 AND (url, branch, folder) <> ($2, $3, $4);

-- name: bind
-- Binds a workspace, or replaces the credentials of its binding.
INSERT INTO git_binding (workspace, url, branch, folder, username, sealed, key_version, edited_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (workspace) DO UPDATE
SET username = excluded.username, sealed = excluded.sealed, key_version = excluded.key_version,
    edited_by = excluded.edited_by, edited_at = app_now(), fetch_at = app_now(), retry_at = app_now(), tries = 0;

-- name: delete
-- Deletes a binding with its state.
DELETE FROM git_binding WHERE workspace = $1 RETURNING url;

-- name: get
-- The binding of a workspace with the wrapped key of its token.
SELECT b.workspace, b.url, b.branch, b.folder, b.username, b.sealed, b.edited_by, b.edited_at, b.head, b.pushing,
       b.position::text::bigint AS position, b.round AS sync, b.fetch_at, b.fetched_at, b.tries, b.retry_at,
       b.error_code, b.error, b.findings::text AS findings, b.fetch_at <= app_now() AS is_due,
       k.version AS key_version, k.wrapped, k.wrapped_by, coalesce(m.email, '') AS edited_email
FROM git_binding AS b
LEFT JOIN data_key AS k ON k.workspace = b.workspace AND k.version = b.key_version
LEFT JOIN member AS m ON m.workspace = b.workspace AND m.username = b.edited_by
WHERE b.workspace = $1;

-- name: begin_sync
-- Starts a synchronisation.
UPDATE git_binding SET round = round + 1 WHERE workspace = $1 RETURNING round;

-- name: request_fetch
-- Makes the branch due for an immediate fetch; returns the time of the request.
UPDATE git_binding SET fetch_at = app_now(), retry_at = app_now() WHERE workspace = $1 RETURNING fetch_at;

-- name: list_due
-- Workspaces whose branch is to be fetched, or with changes of items that have no commits yet, those that wait longest
-- first; is_failing: the previous synchronisation failed.
SELECT b.workspace, b.tries > 0 AS is_failing
FROM git_binding AS b
JOIN workspace AS w ON w.id = b.workspace AND w.archived_at IS NULL
WHERE b.retry_at <= app_now() AND (b.fetch_at <= app_now() OR EXISTS (
    SELECT FROM audit AS a
    WHERE a.xid >= b.position AND a.xid < pg_snapshot_xmin(pg_current_snapshot()) AND a.workspace = b.workspace
      AND a.action_kind <> 'Execute' AND split_part(a.operation, '.', 1) = ANY ($1::text[])))
ORDER BY b.fetch_at, b.workspace;

-- name: list_versions
-- These versions of scripts and workflows with their documents; is_locking: their dependencies are still being locked.
SELECT v.path, v.id, v.hash, v.format, v.language, v.settings, v.lock, v.document, d.body, d.tree::text AS tree, v.kind,
       v.lock_state = 'locking' AND v.created_at > app_now() - interval '2 minutes' AS is_locking
FROM version AS v
JOIN document AS d ON d.hash = v.document
WHERE v.workspace = $1 AND v.id = ANY ($2::bigint[]);

-- name: list_items
-- Items at the last synchronisation. $2: incoming ones only.
SELECT kind, path, digest, files, incoming, is_incoming
FROM git_item
WHERE workspace = $1 AND (NOT $2 OR is_incoming)
ORDER BY kind, path;

-- name: get_incoming_item
-- An item that changed in the repository only.
SELECT kind, path, digest, files, incoming, is_incoming
FROM git_item
WHERE workspace = $1 AND kind = $2 AND path = $3 AND is_incoming;

-- name: store_items
-- Adds or replaces items of a binding.
INSERT INTO git_item (workspace, kind, path, digest, files, incoming, is_incoming)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::boolean[])
ON CONFLICT (workspace, kind, path) DO UPDATE
SET digest = excluded.digest, files = excluded.files, incoming = excluded.incoming, is_incoming = excluded.is_incoming;

-- name: delete_items
-- Deletes items of a binding.
DELETE FROM git_item AS g USING unnest($2::text[], $3::text[]) AS n (kind, path)
WHERE g.workspace = $1 AND g.kind = n.kind AND g.path = n.path;

-- name: accept_items
-- Marks incoming items as applied, with the digests of the workspace's, if they are as they were reviewed; returns
-- them.
UPDATE git_item AS g
SET digest = n.digest, files = g.incoming, incoming = NULL, is_incoming = false
FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[]) AS n (kind, path, digest, incoming)
WHERE g.workspace = $1 AND g.kind = n.kind AND g.path = n.path AND g.is_incoming
  AND g.incoming IS NOT DISTINCT FROM n.incoming
RETURNING g.path;

-- name: store_pushing
-- Records commits before they are pushed, if the synchronisation is still the current one.
UPDATE git_binding SET pushing = $3 WHERE workspace = $1 AND round = $2 RETURNING round;

-- name: finish_sync
-- Stores the outcome of a synchronisation that is still the current one.
UPDATE git_binding
SET head = $3, position = $4::bigint::text::xid8, pushing = NULL, findings = coalesce($5::jsonb, findings),
    fetched_at = CASE WHEN $6 THEN app_now() ELSE fetched_at END,
    fetch_at = CASE WHEN $6 THEN app_now() + $7 * interval '1 second' ELSE fetch_at END,
    tries = 0, error_code = NULL, error = NULL
WHERE workspace = $1 AND round = $2
RETURNING round;

-- name: fail_sync
-- Stores the error of a synchronisation that is still the current one. $6: the commits were certainly not pushed.
UPDATE git_binding
SET tries = tries + 1, error_code = $3, error = $4, retry_at = app_now() + $5 * interval '1 second',
    pushing = CASE WHEN $6 THEN NULL ELSE pushing END
WHERE workspace = $1 AND round = $2;

-- name: insert_commits
-- Adds commits to the history, the oldest first; those that it has are unchanged.
INSERT INTO git_commit (workspace, id, direction, author, email, message, at, items)
SELECT $1, c.id, c.direction, c.author, c.email, c.message, c.at, c.items::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
     WITH ORDINALITY AS c (id, direction, author, email, message, at, items, n)
ORDER BY c.n
ON CONFLICT DO NOTHING;

-- name: list_commits
-- A page of the history before $2, the newest first; 0: the first page.
SELECT n, id, direction, author, email, message, at, items::text AS items
FROM git_commit
WHERE workspace = $1 AND ($2 = 0 OR n < $2)
ORDER BY n DESC LIMIT $3;
