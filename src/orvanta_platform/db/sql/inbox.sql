-- name: insert_event
-- Inserts an event for a run, which makes it durable before it is processed; does nothing if the run is not live.
INSERT INTO inbox (run, event)
SELECT r.id, $2
FROM run_live r
WHERE r.id = $1
RETURNING seq

-- name: read_inbox
-- The pending events of a run, in order.
SELECT seq, event FROM inbox WHERE run = $1 ORDER BY seq LIMIT 200

-- name: delete_events
-- Deletes events of a run that do not change it.
DELETE FROM inbox WHERE run = $1 AND seq = ANY($2::bigint[])

-- name: delete_inbox
-- Deletes events that arrived after the run's end.
DELETE FROM inbox WHERE run = $1

-- name: list_stale_inboxes
-- Runs with events after $1 that have been pending for a second.
SELECT DISTINCT run
FROM inbox
WHERE created_at > $1 AND created_at < app_now() - interval '1 second' LIMIT 200
