-- name: get_lock
-- A lock by its key: that of all workspaces, or that of the workspace $2.
SELECT body FROM lock WHERE key = $1 AND (workspace IS NULL OR workspace = $2) ORDER BY workspace NULLS FIRST LIMIT 1;

-- name: filter_known
-- Those of these keys that have a lock of all workspaces or of the workspace $2.
SELECT DISTINCT key FROM lock WHERE key = ANY ($1::bytea[]) AND (workspace IS NULL OR workspace = $2);

-- name: store
-- Stores a lock; does nothing if its key exists for the same workspace.
INSERT INTO lock (key, language, requirements, body, run, workspace)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING;

-- name: get_lock_of_version
-- State and lock of a version.
SELECT lock_state, lock FROM version WHERE id = $1;

-- name: find_locking_run
-- The run that creates the lock of a version, while it does.
SELECT lock_job FROM version WHERE id = $1 AND lock_state = 'locking';

-- name: list_locking_items
-- Locks the items whose versions wait for this run, until the transaction ends.
SELECT i.workspace, i.kind, i.path
FROM item AS i
WHERE EXISTS (
    SELECT FROM version AS v
    WHERE v.lock_job = $1 AND v.lock_state = 'locking'
      AND v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path)
ORDER BY i.workspace, i.kind, i.path
FOR NO KEY UPDATE;

-- name: store_outcome
-- Stores the lock, or the error, in the versions that wait for this run.
UPDATE version
SET lock = $2, lock_error = $3, lock_state = CASE WHEN $2::text IS NULL THEN 'failed' ELSE 'locked' END
WHERE lock_job = $1 AND lock_state = 'locking'
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
