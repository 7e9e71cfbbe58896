-- name: insert_run
-- Inserts a run before its first step.
INSERT INTO run_live (id, workspace, kind, path, version, document, language, pin_set, engine_version, state, status,
                      priority, queue, parent, root, trigger, created_by, email, permissioned_as, scheduled_at, seed,
                      timeout_s, scopes, awaited)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11, $12, $13, $14, $15, $16, $17, $18,
        coalesce($19, app_now()), $20, $21, $22, $23)

-- name: lock_run
-- Locks a run before anything of it is read; the slow path waits for the lock.
SELECT id, workspace, kind, path, version, document, language, pin_set, engine_version, rev, state, status, cancel_at,
       priority, queue, parent, root, created_by, email, permissioned_as, seed, timeout_s, created_at, scheduled_at,
       scopes, awaited
FROM run_live
WHERE id = $1
FOR NO KEY UPDATE

-- name: is_held
-- Returns true if another transaction locks the run, so that nothing else can step it.
SELECT EXISTS (SELECT FROM run_live WHERE id = $1)
   AND NOT EXISTS (SELECT FROM (SELECT id FROM run_live WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED) AS free)

-- name: get_live_run
-- A live run, without a lock.
SELECT id, workspace, kind, path, version, document, language, pin_set, engine_version, rev, state, status, cancel_at,
       priority, queue, parent, root, created_by, email, permissioned_as, seed, timeout_s, created_at, scheduled_at,
       scopes, awaited
FROM run_live
WHERE id = $1

-- name: get_live_runs
-- Several live runs, without locks.
SELECT id, workspace, kind, path, version, document, language, pin_set, engine_version, rev, state, status, cancel_at,
       priority, queue, parent, root, created_by, email, permissioned_as, seed, timeout_s, created_at, scheduled_at,
       scopes, awaited
FROM run_live
WHERE id = ANY($1::uuid[])

-- name: get_seed
-- The random seed of a run, live or ended.
SELECT seed
FROM run_live
WHERE id = $1
UNION ALL
SELECT seed
FROM run
WHERE id = $1 LIMIT 1

-- name: find_run
-- The live run for an id of a run or of a job.
SELECT r.id, r.workspace, r.path, r.created_by, r.permissioned_as, r.scopes, j.id AS job, j.node
FROM run_live r
LEFT JOIN job_live j ON j.id = $1 AND j.run = r.id
WHERE r.id = coalesce((SELECT run FROM job_live WHERE id = $1), $1) AND r.workspace = $2

-- name: filter_cancellable
-- Those of these ids ($2), in their order, that may be ids of a run of the workspace, of a part of a live run, or of a
-- node without a row in a run that was created in the same millisecond. The cancellation of each finds what it is.
SELECT u.id
FROM unnest($2::uuid[]) WITH ORDINALITY AS u (id, n)
WHERE EXISTS (SELECT FROM run_live AS r
              WHERE r.workspace = $1
                AND r.id >= (left(u.id::text, 13) || '-0000-0000-000000000000')::uuid
                AND r.id <= (left(u.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid)
   OR EXISTS (SELECT FROM job_live AS j WHERE j.id = u.id)
   OR EXISTS (SELECT FROM frame AS f WHERE f.id = u.id)
   OR EXISTS (SELECT FROM counter AS c WHERE c.id = u.id)
   OR EXISTS (SELECT FROM approval AS a WHERE a.workspace = $1 AND a.job = u.id)
   OR EXISTS (SELECT FROM gate_wait AS w WHERE w.job = u.id)
   OR EXISTS (SELECT FROM pause AS p WHERE p.job = u.id)
   OR EXISTS (SELECT FROM step_debounce AS d WHERE d.job = u.id)
   OR EXISTS (SELECT FROM run AS e WHERE e.id = u.id AND e.workspace = $1)
ORDER BY u.n

-- name: request_cancel
-- Requests a cancellation by compare-and-set; returns no row if the run is cancelled already or has ended.
UPDATE run_live
SET cancel_at = app_now(), cancel_by = $2, cancel_reason = $3, status = 'cancelling', rev = rev + 1
WHERE id = $1 AND cancel_at IS NULL
RETURNING id

-- name: get_ended_run
-- The outcome of a run.
SELECT id, workspace, path, status, recovered, error_name, result_of, created_by, permissioned_as
FROM run
WHERE id = $1

-- name: get_restart_source
-- An ended run that another one restarts from.
SELECT id, kind, path, version, document, pin_set, parent, status, priority, state
FROM run
WHERE id = $1

-- name: get_repeated_run
-- The run that this one repeats, according to the start of its history.
SELECT CASE WHEN (data ->> 'retry')::boolean THEN 'retry' ELSE kind END AS kind, node, (data ->> 'run')::uuid AS run
FROM (SELECT * FROM event WHERE run = $1 ORDER BY seq LIMIT 10) e
WHERE kind IN ('restart', 'rerun')
ORDER BY seq LIMIT 1

-- name: find_last_success
-- The latest successful run of a path before another run, among the 10,000 runs of the workspace before it.
SELECT id
FROM (SELECT id, kind, path, status, skipped, parent FROM run
      WHERE workspace = $1 AND id < $4 ORDER BY id DESC LIMIT 10000) r
WHERE kind = ANY($2::text[]) AND path = $3 AND status = 'succeeded' AND NOT skipped
ORDER BY id DESC LIMIT 1

-- name: filter_live_runs
-- Those of these runs that are live.
SELECT id FROM run_live WHERE id = ANY($1::uuid[])
