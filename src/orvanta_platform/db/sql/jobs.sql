-- name: list_waiting_pairs
-- The (queue, priority) pairs that hold work, by a loose index scan, whose cost depends on the number of pairs, not of
-- jobs.
WITH RECURSIVE pairs AS (
    (SELECT queue, priority FROM job_live WHERE state = 'available' ORDER BY queue, priority DESC LIMIT 1)
    UNION ALL
    SELECT following.queue, following.priority
    FROM pairs
    CROSS JOIN LATERAL (
        (SELECT j.queue, j.priority FROM job_live j
         WHERE j.state = 'available' AND j.queue = pairs.queue AND j.priority < pairs.priority
         ORDER BY j.queue, j.priority DESC LIMIT 1)
        UNION ALL
        (SELECT j.queue, j.priority FROM job_live j
         WHERE j.state = 'available' AND j.queue > pairs.queue
         ORDER BY j.queue, j.priority DESC LIMIT 1)
        LIMIT 1) following
)
SELECT queue, priority
FROM pairs

-- name: claim
-- Claims up to $8 available jobs: for each (queue, priority, lane), in this order, those above its low-water seq. The
-- worker's row is locked meanwhile: a fenced worker claims nothing, and a worker that is claiming cannot be fenced.
-- Jobs are updated by ctid and runs read one by one: for a join by key, the planner may choose a scan of the whole
-- table if it expects few rows in it. A small input of a new run is returned with its first job, which reads it next.
WITH fence AS MATERIALIZED (
    SELECT FROM worker
    WHERE id = $6 AND generation = $7 AND state = 'live'
    FOR SHARE
), lanes AS (
    SELECT *
    FROM unnest($1::text[], $2::smallint[], $3::smallint[], $4::bigint[], $5::integer[])
        AS p(queue, priority, lane, low, take)
), picked AS MATERIALIZED (
    SELECT j.at, j.run, j.seq AS claimed_seq
    FROM fence
    CROSS JOIN lanes p
    CROSS JOIN LATERAL (
        SELECT ctid AS at, run, seq
        FROM job_live
        WHERE state = 'available' AND queue = p.queue AND priority = p.priority AND lane = p.lane AND seq > p.low
        ORDER BY seq LIMIT p.take
        FOR NO KEY UPDATE SKIP LOCKED) j
    LIMIT $8
)
UPDATE job_live j
SET state = 'running', worker = $6, generation = $7, attempt = j.attempt + 1, claimed_at = app_now(), seq = NULL,
    openings = 0, nonce = gen_random_uuid(), progress = NULL, assigned_seq = NULL
FROM picked
CROSS JOIN LATERAL (SELECT * FROM run_live WHERE id = picked.run OFFSET 0) r
WHERE j.ctid = picked.at AND r.cancel_at IS NULL
RETURNING j.id, j.run, j.node, j.node_index, j.kind, j.language, j.path, j.queue, j.priority, j.lane, j.attempt,
          j.failures, j.timeout_s, j.frame, j.place, j.nonce,
          extract(epoch FROM j.claimed_at - j.enqueued_at)::double precision AS waited_s, picked.claimed_seq,
          r.workspace, r.priority AS run_priority, r.queue AS run_queue, r.kind AS run_kind, r.path AS run_path,
          r.version, r.document, r.language AS run_language, r.pin_set, r.engine_version, r.rev, r.state, r.status,
          r.parent AS run_parent, r.root, r.created_by, r.email, r.permissioned_as, r.seed, r.scheduled_at, r.scopes,
          r.awaited,
          CASE WHEN r.trigger IN ('schedule', 'flow') THEN (
              SELECT t.path FROM schedule_tick t WHERE t.run = r.root LIMIT 1
          ) END AS schedule_path,
          CASE WHEN r.trigger IN ('http', 'flow') THEN (
              SELECT e.data ->> 'path' FROM event e WHERE e.run = r.root AND e.kind = 'trigger' LIMIT 1
          ) END AS http_trigger_path,
          CASE WHEN j.lane = 1 THEN (
              SELECT v.body
              FROM (SELECT * FROM value AS w WHERE w.id = j.run AND w.kind = 'args' AND w.name = '' LIMIT 1) AS v
              WHERE v.encoding = 0 AND v.size <= 4096
          ) END AS args

-- name: list_assigned
-- The jobs that the starts of their runs assigned to this worker, above a low-water assigned_seq and without those that
-- it knows, in the form of a claim; and whether their runs are cancelled.
SELECT j.id, j.run, j.node, j.node_index, j.kind, j.language, j.path, j.queue, j.priority, j.lane, j.attempt,
       j.failures, j.timeout_s, j.frame, j.place, j.nonce,
       extract(epoch FROM j.claimed_at - j.enqueued_at)::double precision AS waited_s, j.assigned_seq AS claimed_seq,
       r.workspace, r.priority AS run_priority, r.queue AS run_queue, r.kind AS run_kind, r.path AS run_path,
       r.version, r.document, r.language AS run_language, r.pin_set, r.engine_version, r.rev, r.state, r.status,
       r.parent AS run_parent, r.root, r.created_by, r.email, r.permissioned_as, r.seed, r.scheduled_at, r.scopes,
       r.awaited, r.cancel_at IS NOT NULL AS cancelled,
       CASE WHEN r.trigger IN ('schedule', 'flow') THEN (
           SELECT t.path FROM schedule_tick t WHERE t.run = r.root LIMIT 1
       ) END AS schedule_path,
       CASE WHEN r.trigger IN ('http', 'flow') THEN (
           SELECT e.data ->> 'path' FROM event e WHERE e.run = r.root AND e.kind = 'trigger' LIMIT 1
       ) END AS http_trigger_path,
       (SELECT v.body
        FROM (SELECT * FROM value AS w WHERE w.id = j.run AND w.kind = 'args' AND w.name = '' LIMIT 1) AS v
        WHERE v.encoding = 0 AND v.size <= 4096) AS args
FROM job_live j
CROSS JOIN LATERAL (SELECT * FROM run_live WHERE id = j.run OFFSET 0) r
WHERE j.state = 'running' AND j.assigned_seq IS NOT NULL AND j.worker = $1 AND j.generation = $2 AND j.assigned_seq > $3
  AND j.id <> ALL ($4::uuid[])
ORDER BY j.assigned_seq

-- name: list_unread
-- The jobs that were assigned to this worker in the last $3 seconds.
SELECT id, run, attempt
FROM job_live
WHERE state = 'running' AND assigned_seq IS NOT NULL AND worker = $1 AND generation = $2
  AND claimed_at >= app_now() - make_interval(secs => $3)
ORDER BY assigned_seq

-- name: give_back
-- Makes jobs that this worker claimed and never started available again, without counting the attempt.
UPDATE job_live j
SET state = 'available', worker = NULL, generation = NULL, claimed_at = NULL, attempt = attempt - 1,
    seq = nextval('job_seq')
WHERE j.id IN (SELECT id FROM job_live
               WHERE id = ANY($1::uuid[]) AND worker = $2 AND generation = $3 AND state = 'running'
               ORDER BY id
               FOR NO KEY UPDATE)
RETURNING j.queue

-- name: withdraw_cancelled
-- Withdraws those of these jobs that became available in a cancelled run: nobody may claim them, and the run may have
-- withdrawn its jobs while they ran. A run that is cancelled later withdraws them itself.
INSERT INTO inbox (run, event)
SELECT j.run, json_build_object('type', 'cancel_job', 'job', j.id, 'reason', 'Canceled')
FROM job_live j
JOIN run_live r ON r.id = j.run
WHERE j.id = ANY($1::uuid[]) AND j.state = 'available' AND r.cancel_at IS NOT NULL

-- name: lock_jobs_of_run
-- Locks all live jobs of a locked run, in order.
SELECT id, node, node_index, kind, queue, state, attempt, losses, failures, worker, generation, claimed_at, openings,
       frame
FROM job_live
WHERE run = $1
ORDER BY id
FOR NO KEY UPDATE

-- name: is_completion_recorded
-- Returns true if this attempt's completion is in history, checked when the answer to a COMMIT was lost.
SELECT EXISTS (SELECT FROM job
               WHERE id = $1 AND attempt = $2 AND worker = $3 AND generation = $4 AND state <> 'cancelled')
    OR EXISTS (SELECT FROM run WHERE id = $1 AND attempt = $2 AND worker = $3 AND generation = $4)
    OR EXISTS (SELECT FROM job_live WHERE id = $1 AND state IN ('scheduled', 'available')
                  AND attempts::jsonb @> jsonb_build_array(jsonb_build_object(
                      'attempt', $2::integer, 'worker', $3::uuid, 'reason', 'retry')))

-- name: mark_upload_pending
-- Records whether the object storage rejects the output of this attempt.
UPDATE job_live
SET untaken_at = CASE WHEN $5 THEN app_now() END
WHERE id = $1 AND attempt = $2 AND worker = $3 AND generation = $4 AND state = 'running'

-- name: filter_held_jobs
-- Those of these jobs that run under this worker and generation, and whether their runs are cancelled.
SELECT j.id, r.cancel_at IS NOT NULL AS cancelled
FROM job_live j
JOIN run_live r ON r.id = j.run
WHERE j.id = ANY($1::uuid[]) AND j.worker = $2 AND j.generation = $3 AND j.state = 'running'

-- name: list_held_by_worker
-- The jobs that run under this worker and generation.
SELECT id, run
FROM job_live
WHERE state = 'running' AND worker = $1 AND generation = $2

-- name: list_runs_held_by
-- The runs in which a lost worker still holds jobs.
SELECT DISTINCT run
FROM job_live
WHERE state = 'running' AND worker = $1 AND generation = $2
ORDER BY run LIMIT 500

-- name: lock_runs
-- Locks these runs, in order.
SELECT id, cancel_at
FROM run_live
WHERE id = ANY($1::uuid[])
ORDER BY id
FOR NO KEY UPDATE

-- name: lock_held_jobs
-- Locks the jobs that a lost worker holds in these runs, in order.
SELECT id, run, attempt, losses
FROM job_live
WHERE run = ANY($1::uuid[]) AND state = 'running' AND worker = $2 AND generation = $3
ORDER BY id
FOR NO KEY UPDATE

-- name: reap_jobs
-- Makes these jobs available again, one priority higher, with $2 more losses and the reason in their attempts.
UPDATE job_live j
SET state = 'available', worker = NULL, generation = NULL, seq = nextval('job_seq'), losses = losses + $2,
    priority = least(priority + 1, 100), claimed_at = NULL,
    attempts = (attempts::jsonb || jsonb_build_object('attempt', attempt, 'worker', worker, 'started_at', claimed_at,
                                                      'ended_at', app_now(), 'reason', $3::text))::json
WHERE id = ANY($1::uuid[])
RETURNING id, run, node, queue

-- name: advance_revs
-- Increments the rev of runs whose jobs have changed.
UPDATE run_live SET rev = rev + 1 WHERE id = ANY($1::uuid[])

-- name: insert_reaped_events
-- Records the losses in the histories of the runs.
INSERT INTO event (run, kind, node, data)
SELECT *
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::json[])

-- name: set_progress
-- Raises the progress of a job of workspace $2 to $3 percent if it is running.
UPDATE job_live
SET progress = greatest(progress, $3)
WHERE id = $1 AND workspace = $2 AND state = 'running'
RETURNING progress

-- name: get_progress
-- The progress of a job of workspace $2 that has not ended.
SELECT progress
FROM job_live
WHERE id = $1 AND workspace = $2
