-- name: register_worker
-- A new worker, generation 1; nothing where an insert that got no answer went through.
INSERT INTO worker (id, name, instance, ip, worker_group, queues, slots, version, isolation) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING

-- name: beat
-- The worker lives; whether it is to claim nothing. No row back where its generation is over.
UPDATE worker SET beat = beat + 1, beat_at = app_now(), jobs_executed = $3
WHERE id = $1 AND generation = $2 AND state = 'live'
RETURNING drained_at IS NOT NULL

-- name: set_drained
-- A living worker is to claim nothing from now on, or to claim again; no row back where there is none.
UPDATE worker SET drained_at = CASE WHEN $2 THEN coalesce(drained_at, app_now()) END WHERE id = $1 AND state = 'live'
RETURNING name

-- name: observe
-- What an observer looks at: workers taken for living, and lost ones whose jobs may not be back yet.
SELECT id, generation, beat, state FROM worker WHERE state <> 'stopped'

-- name: declare_lost
-- Fence a worker whose beat stood still: whoever wins this reaps its jobs.
UPDATE worker SET generation = generation + 1, state = 'lost' WHERE id = $1 AND generation = $2 AND beat = $3 AND state = 'live'
RETURNING generation

-- name: declare_gone
-- Its supervisor saw the worker's process end: fence it at once.
UPDATE worker SET generation = generation + 1, state = 'lost' WHERE id = $1 AND generation = $2 AND state = 'live'
RETURNING generation

-- name: worker_for
-- A living worker that serves these queues, any of several.
SELECT id FROM worker WHERE state = 'live' AND (queues IS NULL OR queues @> $1::text[]) ORDER BY random() LIMIT 1

-- name: runs_bound_to
-- Runs all of whose jobs a worker was to run, by its own queue.
SELECT id FROM run_live WHERE queue = $1 ORDER BY id

-- name: waits_long
-- Whether nothing of a run is to be done before somebody answers, or for a minute.
SELECT NOT EXISTS (SELECT FROM job_live j WHERE j.run = $1)
   AND (EXISTS (SELECT FROM approval a WHERE a.run = $1) OR EXISTS (SELECT FROM pause p WHERE p.run = $1)
        OR EXISTS (SELECT FROM timer t WHERE t.run = $1 AND t.due_at > app_now() + interval '1 minute'))

-- name: bind_run
-- The run's jobs go to another worker from now on; $2 null: to whichever takes them.
UPDATE run_live SET queue = $2, rev = rev + 1 WHERE id = $1

-- name: move_jobs
-- Jobs of a run that wait in one queue wait in another from now on.
UPDATE job_live SET queue = $3 WHERE run = $1 AND queue = $2

-- name: note_reaped_worker
-- All jobs of a lost worker are back.
UPDATE worker SET state = 'stopped' WHERE id = $1 AND state = 'lost'

-- name: forget_workers
-- Workers that ended long ago.
DELETE FROM worker WHERE state = 'stopped' AND beat_at < app_now() - interval '1 day'
