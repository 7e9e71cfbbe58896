-- name: get_lock
-- A lock by its key.
SELECT body FROM lock WHERE key = $1;

-- name: known_keys
-- Those of these keys that have a lock.
SELECT key FROM lock WHERE key = ANY ($1::bytea[]);

-- name: keep_lock
-- Keeps a lock; nothing happens where there is one of this key.
INSERT INTO lock (key, language, requirements, body, run) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;

-- name: lock_of_version
-- How far a version's lock is.
SELECT lock_state, lock FROM version WHERE id = $1;

-- name: locking_run
-- The run that makes the lock of a version, as long as it is being made.
SELECT lock_job FROM version WHERE id = $1 AND lock_state = 'locking';

-- name: items_of_locking
-- The items whose versions wait for this run, held until the transaction ends.
SELECT i.workspace, i.kind, i.path FROM item AS i
WHERE EXISTS (
    SELECT FROM version AS v
    WHERE v.lock_job = $1 AND v.lock_state = 'locking'
      AND v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path)
ORDER BY i.workspace, i.kind, i.path FOR NO KEY UPDATE;

-- name: settle_versions
-- The end of a lock for the versions that wait for this run: a lock, or why there is none.
UPDATE version
SET lock = $2, lock_error = $3, lock_state = CASE WHEN $2::text IS NULL THEN 'failed' ELSE 'locked' END
WHERE lock_job = $1 AND lock_state = 'locking'
RETURNING workspace, kind, path, hash;

-- name: repoint_locked
-- Runs by path take the newest version that is locked; where none is, the newest.
UPDATE item AS i SET
    version = (SELECT v.id FROM version AS v
               WHERE v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path AND NOT v.archived
               ORDER BY v.lock_state = 'locked' DESC, v.number DESC LIMIT 1)
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3 AND NOT i.deleted;

-- name: abandoned
-- Runs that versions wait for and that have ended without a word: killed, cancelled, lost.
SELECT DISTINCT v.lock_job AS run FROM version AS v
WHERE v.lock_state = 'locking' AND NOT EXISTS (SELECT FROM run_live AS r WHERE r.id = v.lock_job)
LIMIT 200;
