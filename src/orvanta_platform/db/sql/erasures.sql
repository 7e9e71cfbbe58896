-- name: plan_erasures
-- When values of a run that has just ended are erased, in seconds from now.
INSERT INTO erasure (run, node_index, due_at)
SELECT $1, e.node_index, app_now() + make_interval(secs => e.seconds)
FROM unnest($2::integer[], $3::double precision[]) AS e(node_index, seconds)
ON CONFLICT (run, node_index) DO NOTHING

-- name: take_due_erasures
-- What is to be erased now, so that nobody else does it; not while a sub-workflow of the run is under way.
SELECT e.run, e.node_index FROM erasure e
WHERE e.erased_at IS NULL AND e.due_at <= app_now() AND NOT EXISTS (SELECT FROM run_live r WHERE r.parent = e.run)
ORDER BY e.due_at LIMIT $1 FOR UPDATE SKIP LOCKED

-- name: erased_ids
-- Whose values and logs are a node's (-1: the whole run's, its sub-workflows' included): runs, jobs, and openings of loops.
WITH RECURSIVE r AS (
    SELECT $1::uuid AS id, 0 AS depth
    UNION
    SELECT c.id, r.depth + 1 FROM run c JOIN r ON c.parent = r.id AND c.trigger = 'flow' WHERE $2 < 0 AND r.depth < 32
), j AS (
    SELECT j.id, j.parent FROM r JOIN job j ON j.run = r.id WHERE $2 < 0 OR j.node_index = $2
)
SELECT id FROM r WHERE $2 < 0 UNION SELECT id FROM j UNION SELECT parent FROM j WHERE $2 < 0 AND parent IS NOT NULL

-- name: left_by_node
-- What a node of a run has left: a row for each time it ran, and for each body that it held.
SELECT id, kind, failures, parent, place FROM job WHERE run = $1 AND node_index = $2

-- name: erase_values
-- Values go; gives the objects that they named.
DELETE FROM value WHERE id = ANY($1::uuid[]) RETURNING object

-- name: erase_log_objects
-- Logs kept as objects go; gives the objects.
DELETE FROM log_object WHERE job = ANY($1::uuid[]) RETURNING object

-- name: erase_log_chunks
-- Logs go.
DELETE FROM log_chunk WHERE job = ANY($1::uuid[])

-- name: erase_streams
-- What was streamed goes.
DELETE FROM stream_chunk WHERE job = ANY($1::uuid[])

-- name: erase_events
-- Lines of history that quote values lose them.
UPDATE event SET data = NULL WHERE run = ANY($1::uuid[]) AND kind IN ('export', 'limit', 'retry_if_threw', 'sleep_threw', 'paused', 'breakpoint_set')

-- name: erase_decisions
-- What people said goes.
DELETE FROM decision WHERE run = ANY($1::uuid[])

-- name: erase_words
-- What was indexed of a run, whatever of it is erased.
DELETE FROM run_text WHERE run = $1

-- name: note_erased
-- It is done; the row says when. A sub-workflow's run has none yet.
INSERT INTO erasure (run, node_index, due_at, erased_at) VALUES ($1, $2, app_now(), app_now())
ON CONFLICT (run, node_index) DO UPDATE SET erased_at = excluded.erased_at

-- name: erasures_of
-- When what belongs to these runs is erased, or was.
SELECT run, node_index, due_at, erased_at FROM erasure WHERE run = ANY($1::uuid[])

-- name: forget_erasures
-- Rows of runs that have left the history.
DELETE FROM erasure e WHERE erased_at < app_now() - interval '7 days' AND NOT EXISTS (SELECT FROM run r WHERE r.id = e.run)
