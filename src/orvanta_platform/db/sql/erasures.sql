-- name: schedule_erasures
-- Plans the erasures of a run that has just ended, in seconds from now.
INSERT INTO erasure (run, node_index, due_at)
SELECT $1, e.node_index, app_now() + make_interval(secs => e.seconds)
FROM unnest($2::integer[], $3::double precision[]) AS e(node_index, seconds)
ON CONFLICT (run, node_index) DO NOTHING

-- name: has_due
-- True if an erasure is due that need not wait for a live sub-workflow.
SELECT EXISTS (
    SELECT FROM erasure e
    WHERE e.erased_at IS NULL AND e.due_at <= app_now() AND NOT EXISTS (SELECT FROM run_live r WHERE r.parent = e.run)
) AS has_due

-- name: lock_due
-- Locks erasures that are due; those of runs with a live sub-workflow have to wait.
SELECT e.run, e.node_index
FROM erasure e
WHERE e.erased_at IS NULL AND e.due_at <= app_now() AND NOT EXISTS (SELECT FROM run_live r WHERE r.parent = e.run)
ORDER BY e.due_at LIMIT $1
FOR UPDATE SKIP LOCKED

-- name: erased_ids
-- Ids of the values and logs of a node (-1: of the whole run with its sub-workflows): runs, jobs, and openings of
-- loops.
WITH RECURSIVE runs AS (
    SELECT $1::uuid AS id, 0 AS depth
    UNION
    SELECT c.id, r.depth + 1
    FROM run c
    JOIN runs r ON c.parent = r.id AND c.trigger = 'flow'
    WHERE $2 < 0 AND r.depth < 32
), jobs AS (
    SELECT j.id, j.parent
    FROM runs r
    JOIN job j ON j.run = r.id
    WHERE $2 < 0 OR j.node_index = $2
)
SELECT id
FROM runs
WHERE $2 < 0
UNION
SELECT id
FROM jobs
UNION
SELECT parent
FROM jobs
WHERE $2 < 0 AND parent IS NOT NULL

-- name: list_rows_of_node
-- Rows of a node of a run: one for each time it ran, and for each of its bodies.
SELECT id, kind, failures, parent, place
FROM job
WHERE run = $1 AND node_index = $2

-- name: erase_values
-- Deletes values; returns the objects that they referenced.
DELETE FROM value WHERE id = ANY($1::uuid[]) RETURNING object

-- name: erase_log_objects
-- Deletes logs stored as objects; returns the objects.
DELETE FROM log_object WHERE job = ANY($1::uuid[]) RETURNING object

-- name: erase_log_chunks
-- Deletes logs.
DELETE FROM log_chunk WHERE job = ANY($1::uuid[])

-- name: erase_streams
-- Deletes streams.
DELETE FROM stream_chunk WHERE job = ANY($1::uuid[])

-- name: erase_events
-- Removes the data from history events that quote values.
UPDATE event
SET data = NULL
WHERE run = ANY($1::uuid[]) AND kind IN ('export', 'limit', 'retry_if_threw', 'sleep_threw', 'paused', 'breakpoint_set')

-- name: erase_decisions
-- Deletes decisions.
DELETE FROM decision WHERE run = ANY($1::uuid[])

-- name: erase_words
-- Deletes the indexed words of a run, whichever part of it is erased.
DELETE FROM run_text WHERE run = $1

-- name: record_erased
-- Records the time of the erasure. The run of a sub-workflow has no row before.
INSERT INTO erasure (run, node_index, due_at, erased_at)
VALUES ($1, $2, app_now(), app_now())
ON CONFLICT (run, node_index) DO UPDATE SET erased_at = excluded.erased_at

-- name: list_of_runs
-- Planned and completed erasures of these runs.
SELECT run, node_index, due_at, erased_at
FROM erasure
WHERE run = ANY($1::uuid[])

-- name: delete_orphans
-- Deletes rows of runs that are no longer in history.
DELETE FROM erasure e
WHERE erased_at < app_now() - interval '7 days' AND NOT EXISTS (SELECT FROM run r WHERE r.id = e.run)

-- name: has_live_child
-- Returns true if a sub-workflow of a run has not ended.
SELECT EXISTS (SELECT FROM run_live WHERE parent = $1)
