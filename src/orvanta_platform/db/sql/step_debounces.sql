-- name: lock_for_delete
-- Locks the keys of new entries, and those under which these nodes wait, in order.
SELECT key
FROM step_debounce
WHERE key = ANY($1::bytea[]) OR job = ANY($2::uuid[])
ORDER BY key
FOR NO KEY UPDATE

-- name: lock_step_debounces
-- Locks these keys in order and returns their waiting nodes; the new ones if there were none.
INSERT INTO step_debounce AS d (key, run, frame, job, due_at)
SELECT n.key, n.run, n.frame, n.job, app_now()
FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::uuid[]) AS n(key, run, frame, job)
ORDER BY n.key
ON CONFLICT (key) DO UPDATE SET calls = d.calls
RETURNING key, run, frame, job, calls, first_at, app_now() AS now

-- name: delete_entries
-- Deletes the rows of these nodes, whose joined inputs are discarded.
DELETE FROM step_debounce WHERE job = ANY($1::uuid[])

-- name: delete_of_runs
-- Deletes all rows of these runs.
DELETE FROM step_debounce WHERE run = ANY($1::uuid[])

-- name: save_step_debounces
-- Writes the new states of locked keys.
UPDATE step_debounce d
SET run = s.run, frame = s.frame, job = s.job, calls = s.calls, first_at = s.first_at, due_at = s.due_at
FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::uuid[], $5::integer[], $6::timestamptz[], $7::timestamptz[])
     AS s(key, run, frame, job, calls, first_at, due_at)
WHERE d.key = s.key

-- name: notify_runs
-- Inserts events for nodes that no longer wait: their windows have passed, or another node replaced them.
INSERT INTO inbox (run, event)
SELECT o.run, json_strip_nulls(json_build_object('type', CASE WHEN o.by IS NULL THEN 'put_off' ELSE 'handed_over' END,
                                                 'job', o.job, 'frame', o.frame, 'by', o.by))
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS o(run, frame, job, by)

-- name: end_due
-- Deletes rows whose windows have passed since $1, and inserts events for their runs.
WITH due_nodes AS (
    DELETE FROM step_debounce
    WHERE ctid = ANY (ARRAY(
        SELECT ctid
        FROM step_debounce
        WHERE due_at <= app_now() AND due_at > $1
        ORDER BY due_at LIMIT 200
        FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING run, frame, job
), due_events AS (
    INSERT INTO inbox (run, event)
    SELECT run, json_strip_nulls(json_build_object('type', 'put_off', 'job', job, 'frame', frame))
    FROM due_nodes
)
SELECT run
FROM due_nodes

-- name: find_place
-- Run and frame of the node with this id, if it is debounced.
SELECT d.run, d.frame
FROM step_debounce d
JOIN run_live r ON r.id = d.run AND r.workspace = $1
WHERE d.job = $2
