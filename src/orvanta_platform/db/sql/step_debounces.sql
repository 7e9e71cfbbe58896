-- name: lock_left
-- The keys under which something enters, or these nodes wait, locked in order.
SELECT key FROM step_debounce WHERE key = ANY($1::bytea[]) OR job = ANY($2::uuid[]) ORDER BY key FOR NO KEY UPDATE

-- name: lock_step_debounces
-- The nodes that wait under these keys, locked in order; the new ones where none does.
INSERT INTO step_debounce AS d (key, run, frame, job, due_at)
SELECT n.key, n.run, n.frame, n.job, app_now() FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::uuid[]) AS n(key, run, frame, job)
ORDER BY n.key
ON CONFLICT (key) DO UPDATE SET calls = d.calls
RETURNING key, run, frame, job, calls, first_at, app_now() AS now

-- name: leave_step_debounces
-- These nodes wait no longer, and take nothing of others over.
DELETE FROM step_debounce WHERE job = ANY($1::uuid[])

-- name: leave_runs
-- Nothing of these runs waits any longer.
DELETE FROM step_debounce WHERE run = ANY($1::uuid[])

-- name: save_step_debounces
-- What becomes of keys that are locked.
UPDATE step_debounce d
SET run = s.run, frame = s.frame, job = s.job, calls = s.calls, first_at = s.first_at, due_at = s.due_at
FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::uuid[], $5::integer[], $6::timestamptz[], $7::timestamptz[])
     AS s(key, run, frame, job, calls, first_at, due_at)
WHERE d.key = s.key

-- name: tell_over
-- Runs hear that nodes of theirs wait no longer: their time is over, or another has taken their place.
INSERT INTO inbox (run, event)
SELECT o.run, json_strip_nulls(json_build_object('type', CASE WHEN o.by IS NULL THEN 'put_off' ELSE 'handed_over' END,
                                                 'job', o.job, 'frame', o.frame, 'by', o.by))
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS o(run, frame, job, by)

-- name: take_due
-- Nodes whose time has come, after $1, wait no longer, and their runs hear of it.
WITH gone AS (
    DELETE FROM step_debounce WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM step_debounce WHERE due_at <= app_now() AND due_at > $1 ORDER BY due_at LIMIT 200
        FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING run, frame, job
), told AS (
    INSERT INTO inbox (run, event)
    SELECT run, json_strip_nulls(json_build_object('type', 'put_off', 'job', job, 'frame', frame)) FROM gone
)
SELECT run FROM gone

-- name: place_of
-- Where the node with this id stands, if it waits for later ones.
SELECT d.run, d.frame FROM step_debounce d JOIN run_live r ON r.id = d.run AND r.workspace = $1 WHERE d.job = $2
