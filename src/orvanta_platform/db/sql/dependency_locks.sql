-- name: get_lock
-- A lock by its key: that of all workspaces, or that of the workspace $2.
SELECT body FROM lock WHERE key = $1 AND (workspace IS NULL OR workspace = $2) ORDER BY workspace NULLS FIRST LIMIT 1;

-- name: filter_known
-- Those of these keys that have a lock of all workspaces or of the workspace $2.
SELECT DISTINCT key FROM lock WHERE key = ANY ($1::bytea[]) AND (workspace IS NULL OR workspace = $2);

-- name: list_stored
-- The locks of these keys: those of all workspaces, or those of the workspace $2. Of a text, the first $3 characters.
SELECT DISTINCT ON (key) key, language, left(body, $3) AS body
FROM lock
WHERE key = ANY ($1::bytea[]) AND (workspace IS NULL OR workspace = $2)
ORDER BY key, workspace NULLS FIRST;

-- name: filter_made
-- Those of these texts, by their positions, that are locks which the platform has made.
SELECT t.position
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (language, body, position)
WHERE EXISTS (
    SELECT FROM lock AS l
    WHERE md5(l.body) = md5(t.body) AND l.body = t.body AND l.language = t.language
      AND (l.workspace IS NULL OR l.workspace = $3));

-- name: store
-- Stores a lock; does nothing if its key exists for the same workspace.
INSERT INTO lock (key, language, requirements, body, run, workspace)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING;

-- name: get_lock_of_version
-- State and lock of a version, and the path of its item.
SELECT lock_state, lock, path FROM version WHERE id = $1;

-- name: find_locking_run
-- The run that creates the lock of a version, while it does.
SELECT lock_job FROM version WHERE id = $1 AND lock_state = 'locking';

-- name: list_locking_items
-- Locks the items whose versions wait for this run, until the transaction ends.
SELECT i.workspace, i.kind, i.path,
       (SELECT min(v.language)
        FROM version AS v
        WHERE v.lock_job = $1 AND v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path) AS language
FROM item AS i
WHERE EXISTS (
    SELECT FROM version AS v
    WHERE v.lock_job = $1 AND v.lock_state = 'locking'
      AND v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path)
ORDER BY i.workspace, i.kind, i.path
FOR NO KEY UPDATE;

-- name: store_outcome
-- Stores the lock, or the error, in the versions of an item that wait for this run.
UPDATE version
SET lock = $2, lock_error = $3, lock_state = CASE WHEN $2::text IS NULL THEN 'failed' ELSE 'locked' END
WHERE lock_job = $1 AND lock_state = 'locking' AND workspace = $4 AND kind = $5 AND path = $6
RETURNING workspace, kind, path, hash;

-- name: update_current_versions
-- Makes the newest version with a lock current; if there is none, the newest version.
UPDATE item AS i SET
    version = (SELECT v.id FROM version AS v
               WHERE v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path AND NOT v.archived
               ORDER BY v.lock_state = 'locked' DESC, v.number DESC LIMIT 1)
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3 AND NOT i.deleted;

-- name: list_abandoned
-- Runs that versions wait for and that ended without a lock or an error: killed, cancelled, lost.
SELECT DISTINCT v.lock_job AS run
FROM version AS v
WHERE v.lock_state = 'locking' AND NOT EXISTS (SELECT FROM run_live AS r WHERE r.id = v.lock_job)
LIMIT 200;
