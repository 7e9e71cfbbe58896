-- name: get_enclosing
-- A frame and those around it, innermost first, each with the counter of its node.
WITH RECURSIVE around AS (
    SELECT f.*, 0 AS depth
    FROM frame f
    WHERE f.id = $1
    UNION ALL
    SELECT f.*, around.depth + 1
    FROM around
    JOIN frame f ON f.id = around.parent
    WHERE around.depth < 1000
)
SELECT a.id, a.parent, a.holder, a.body, a.place, a.state, c.node_index, c.attempt, a.begun_at
FROM around a
JOIN counter c ON c.id = a.holder
ORDER BY a.depth

-- name: list_of_holder
-- The open bodies of a node.
SELECT id, parent, holder, body, place, state, begun_at
FROM frame
WHERE holder = $1
ORDER BY place

-- name: list_of_run
-- All frames of a run.
SELECT id FROM frame WHERE run = $1

-- name: get_frames
-- These frames.
SELECT id, parent, holder, body, place, state, begun_at
FROM frame
WHERE id = ANY($1::uuid[])

-- name: get_counters
-- These counters.
SELECT id, frame, node_index, attempt, state, child, begun_at
FROM counter
WHERE id = ANY($1::uuid[])

-- name: find_counter_of_child
-- The counter of the node that waits for a sub-workflow's run.
SELECT id FROM counter WHERE child = $1 AND run = $2

-- name: save_frames
-- Inserts frames, or updates the states of existing ones of this run; returns a row for each.
INSERT INTO frame AS f (id, run, parent, holder, body, place, state)
SELECT id, $1, parent, holder, body, place, state
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::smallint[], $6::integer[], $7::bytea[])
    AS n(id, parent, holder, body, place, state)
ON CONFLICT (id) DO UPDATE SET state = excluded.state
WHERE f.run = excluded.run
RETURNING id

-- name: save_counters
-- Inserts counters, or updates the states of existing ones of this run; returns a row for each.
INSERT INTO counter AS c (id, run, frame, node_index, attempt, state, child)
SELECT id, $1, frame, node_index, attempt, state, child
FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::bytea[], $7::uuid[])
    AS n(id, frame, node_index, attempt, state, child)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempt = excluded.attempt, child = excluded.child
WHERE c.run = excluded.run
RETURNING id

-- name: delete_frames
-- Deletes frames that have ended.
DELETE FROM frame WHERE id = ANY($1::uuid[])

-- name: delete_counters
-- Deletes counters of nodes that have ended.
DELETE FROM counter WHERE id = ANY($1::uuid[])

-- name: delete_all_frames
-- Deletes all frames of a run that has ended.
DELETE FROM frame WHERE run = $1

-- name: delete_all_counters
-- Deletes all counters of a run that has ended.
DELETE FROM counter WHERE run = $1

-- name: lock_job
-- Locks a live job of a locked run.
SELECT id, node, node_index, kind, queue, state, attempt, losses, failures, worker, generation, claimed_at, openings,
       frame
FROM job_live
WHERE id = $1 AND run = $2
FOR NO KEY UPDATE

-- name: lock_jobs_of_frame
-- Locks the live jobs in a frame of a locked run (null: at its top level), in order.
SELECT id, node, node_index, kind, queue, state, attempt, losses, failures, worker, generation, claimed_at, openings,
       frame
FROM job_live
WHERE run = $1 AND frame IS NOT DISTINCT FROM $2
ORDER BY id
FOR NO KEY UPDATE

-- name: list_body_results
-- The results of the bodies of an opening, by place; of a failed body its error.
SELECT j.place, j.state, v.size, v.encoding, v.body, v.object
FROM job j
CROSS JOIN LATERAL (
    SELECT size, encoding, body, object
    FROM value
    WHERE id = coalesce(j.result_of, j.id) AND kind = 'result'
      AND (name = '' OR (name = 'error' AND j.state = 'failed'))
    ORDER BY name DESC LIMIT 1) v
WHERE j.parent = $1 AND j.place IS NOT NULL AND j.place >= $2
ORDER BY j.place, j.kind = 'frame' LIMIT $3

-- name: list_bodies
-- The bodies of a node from the place $3 to before $4: ended ones of its last opening, and open ones.
SELECT place, id, state, started_at, ended_at, kind = 'frame' AS is_frame
FROM job
WHERE parent = $2 AND place IS NOT NULL AND place >= $3 AND place < $4
UNION ALL
SELECT place, id, 'running', begun_at, NULL, true
FROM frame
WHERE holder = $1 AND place >= $3 AND place < $4
ORDER BY place

-- name: get_last_place
-- The place of the last ended body of an opening.
SELECT max(place)
FROM job
WHERE parent = $1 AND place IS NOT NULL AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid

-- name: find_first_failed_body
-- The body of an opening that failed first.
SELECT id, place, kind, node, failures, ended_at
FROM job
WHERE parent = $1 AND place IS NOT NULL AND state = 'failed'
  AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
ORDER BY ended_at, place LIMIT 1

-- name: find_body
-- A body of a loop or branch by its id, with its state if it is open.
SELECT run, node_index, place, NULL::bytea AS state
FROM job
WHERE id = $1 AND kind = 'frame'
UNION ALL
SELECT f.run, c.node_index, f.place, f.state
FROM frame f
JOIN counter c ON c.id = f.holder
WHERE f.id = $1

-- name: find_open_container
-- An open container by its id.
SELECT run, node_index FROM counter WHERE id = $1

-- name: insert_events
-- Inserts events for a run, in this order.
INSERT INTO inbox (run, event)
SELECT $1, e
FROM unnest($2::json[]) WITH ORDINALITY AS u(e, n)
ORDER BY n

-- name: delete_events
-- Deletes processed events.
DELETE FROM inbox WHERE run = $1 AND seq = ANY($2::bigint[])

-- name: set_timer
-- Sets a timer of a node of a run, in seconds from now.
INSERT INTO timer (run, job, kind, due_at)
VALUES ($1, $2, $3, app_now() + make_interval(secs => $4))
ON CONFLICT (run, job, kind) DO UPDATE SET due_at = excluded.due_at

-- name: delete_timers
-- Deletes the timeout and retry timers of these nodes.
DELETE FROM timer
WHERE run = $1 AND job = ANY($2::uuid[]) AND kind IN ('timeout', 'retry')

-- name: list_children
-- Live runs of sub-workflows of a run.
SELECT id FROM run_live WHERE parent = $1

-- name: get_child_outcome
-- The outcome of the run of a sub-workflow.
SELECT id, status, error_name, result_of, skipped FROM run WHERE id = $1

-- name: get_ended_nodes
-- Those of these nodes that have ended, by their own ids.
SELECT id, state, failures, least(started_at, enqueued_at) AS began_at
FROM job
WHERE id = ANY($1::uuid[]) AND kind <> 'frame'

-- name: list_ended_bodies
-- The bodies of an opening, consecutive ones with the same outcome combined, by place; of a body with two rows the
-- worse one counts. With $2 failures count as successes, since a loop that skips failures could have too many rows.
SELECT min(place) AS first, max(place) + 1 AS stop, state
FROM (
    SELECT place, state, place - row_number() OVER (PARTITION BY state ORDER BY place) AS island
    FROM (SELECT place, CASE WHEN $2 AND min(state) = 'failed' THEN 'succeeded' ELSE min(state) END AS state
          FROM job
          WHERE parent = $1 AND place IS NOT NULL
          GROUP BY place) b) i
GROUP BY state, island
ORDER BY first

-- name: any_succeeded_in_failed_bodies
-- Returns true if any node succeeded in failed bodies of these openings; a loop or branch in them counts as succeeded.
SELECT EXISTS (
    SELECT FROM job AS body
    JOIN job AS node ON node.parent = body.id
    WHERE body.parent = ANY ($1::uuid[]) AND body.kind = 'frame' AND body.state <> 'succeeded'
      AND (node.state = 'succeeded' OR node.kind = ANY ($2::text[])))

-- name: any_succeeded_inside
-- Returns true if any node of these numbers succeeded in these runs, or any node in their sub-workflows at $3.
WITH RECURSIVE called AS (
    SELECT id
    FROM run
    WHERE parent = ANY ($1::uuid[]) AND trigger = 'flow' AND path = ANY ($3::text[])
    UNION
    SELECT inner_run.id
    FROM called
    JOIN run AS inner_run ON inner_run.parent = called.id AND inner_run.trigger = 'flow'
)
SELECT EXISTS (SELECT FROM job
               WHERE run = ANY ($1) AND node_index = ANY ($2::int[]) AND kind <> 'frame' AND state = 'succeeded')
    OR EXISTS (SELECT FROM called JOIN job AS j ON j.run = called.id WHERE j.kind <> 'frame' AND j.state = 'succeeded')

-- name: count_resumes
-- Number of stored resumes of each of these nodes.
SELECT id, count(*) AS count
FROM value
WHERE id = ANY($1::uuid[]) AND kind = 'resume'
GROUP BY id

-- name: find_enclosing_run
-- The run in which a body or container with this id is open.
SELECT run
FROM frame
WHERE id = $1
UNION ALL
SELECT run
FROM counter
WHERE id = $1 LIMIT 1
