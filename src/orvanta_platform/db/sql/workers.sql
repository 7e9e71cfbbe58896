-- name: register_worker
-- Inserts a worker with generation 1; does nothing if an earlier insert succeeded whose answer was lost.
INSERT INTO worker (id, name, instance, ip, worker_group, queues, slots, version, isolation)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING

-- name: record_heartbeat
-- Records a heartbeat and returns whether the worker is drained, and the number of its heartbeats; no row if its
-- generation has ended.
UPDATE worker
SET beat = beat + 1, beat_at = app_now(), jobs_executed = $3
WHERE id = $1 AND generation = $2 AND state = 'live'
RETURNING drained_at IS NOT NULL AS drained, beat AS number

-- name: set_drained
-- Drains a live worker, or lets it claim again; returns no row if there is none.
UPDATE worker
SET drained_at = CASE WHEN $2 THEN coalesce(drained_at, app_now()) END
WHERE id = $1 AND state = 'live'
RETURNING name

-- name: set_served
-- Records the queues and slots of a worker, unless its generation has ended.
UPDATE worker
SET queues = $3, slots = $4
WHERE id = $1 AND generation = $2 AND state = 'live'

-- name: list_observed
-- Workers considered live, and lost ones whose jobs may not have been recovered.
SELECT id, generation, beat, state FROM worker WHERE state <> 'stopped'

-- name: fence_lost
-- Fences a worker whose heartbeat is unchanged; the process that succeeds recovers its jobs. FOR UPDATE waits for
-- transactions that bind runs to it (hold_live).
UPDATE worker
SET generation = generation + 1, state = 'lost', lost_at = app_now()
WHERE id IN (SELECT id FROM worker WHERE id = $1 AND generation = $2 AND beat = $3 AND state = 'live' FOR UPDATE)
RETURNING generation

-- name: fence_ended
-- Fences a worker immediately, because its supervisor saw its process end. $3: whether it was stopped on purpose.
UPDATE worker
SET generation = generation + 1, state = 'lost', lost_at = CASE WHEN NOT $3::boolean THEN app_now() END
WHERE id IN (SELECT id FROM worker WHERE id = $1 AND generation = $2 AND state = 'live' FOR UPDATE)
RETURNING generation

-- name: list_serving
-- Live workers that are not drained and serve these queues, in random order.
SELECT id, queues
FROM worker
WHERE state = 'live' AND drained_at IS NULL AND (queues IS NULL OR queues @> $1::text[])
ORDER BY random()

-- name: hold_live
-- Locks a live worker, which cannot be fenced until the end of the transaction. Its heartbeats go on. Returns no row if
-- it has ended.
SELECT id
FROM worker
WHERE id = $1 AND state = 'live'
FOR KEY SHARE

-- name: is_live
-- Returns true if the worker has not been fenced.
SELECT EXISTS (SELECT FROM worker WHERE id = $1 AND state = 'live')

-- name: list_bound_runs
-- Runs bound to a worker, by its own queue.
SELECT id FROM run_live WHERE queue = $1 ORDER BY id

-- name: is_waiting_long
-- Returns true if the run waits for a person, or for at least a minute.
SELECT NOT EXISTS (SELECT FROM job_live j WHERE j.run = $1)
   AND (EXISTS (SELECT FROM approval a WHERE a.run = $1) OR EXISTS (SELECT FROM pause p WHERE p.run = $1)
        OR EXISTS (SELECT FROM timer t WHERE t.run = $1 AND t.due_at > app_now() + interval '1 minute'))

-- name: bind_run
-- Routes the run's jobs to another worker; $2 null: to any worker.
UPDATE run_live SET queue = $2, rev = rev + 1 WHERE id = $1

-- name: move_jobs
-- Moves the jobs of a run from one queue to another.
UPDATE job_live SET queue = $3 WHERE run = $1 AND queue = $2

-- name: mark_reaped
-- Records that all jobs of a lost worker have been recovered, unless runs are bound to its queue ($2) again.
UPDATE worker SET state = 'stopped'
WHERE id = $1 AND state = 'lost' AND NOT EXISTS (SELECT FROM run_live WHERE queue = $2)

-- name: reopen_recovery
-- Makes a worker whose jobs have been recovered lost again.
UPDATE worker SET state = 'lost' WHERE id = $1 AND state = 'stopped'

-- name: reopen_recoveries
-- Makes workers lost again to which runs are bound although their jobs have been recovered.
UPDATE worker SET state = 'lost'
WHERE state = 'stopped' AND EXISTS (SELECT FROM run_live r WHERE r.queue = 'worker:' || worker.id)

-- name: delete_ended
-- Deletes workers that ended more than a day ago.
DELETE FROM worker
WHERE state = 'stopped' AND beat_at < app_now() - interval '1 day'
