-- name: count_earlier
-- Number of live runs of the workflow at a path that run another version than $3, without those of sub-workflows.
SELECT count(*)
FROM run_live
WHERE workspace = $1 AND kind = 'flow' AND version <> $3 AND parent IS NULL
  AND version IN (SELECT v.id FROM version AS v WHERE v.workspace = $1 AND v.kind = 'flow' AND v.path = $2)

-- name: list_earlier
-- Live runs of the workflow at a path that run another version than $3, without those of sub-workflows, oldest first;
-- at most $5 after the run $4. A workflow that was moved has the runs that it had at its former path.
SELECT id
FROM run_live
WHERE workspace = $1 AND kind = 'flow' AND version <> $3 AND parent IS NULL
  AND version IN (SELECT v.id FROM version AS v WHERE v.workspace = $1 AND v.kind = 'flow' AND v.path = $2)
  AND ($4::uuid IS NULL OR id > $4)
ORDER BY id
LIMIT $5

-- name: list_executed
-- Numbers of the nodes that a run has a job of.
SELECT node_index
FROM job
WHERE run = $1 AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
UNION
SELECT node_index
FROM job_live
WHERE run = $1

-- name: move_run
-- Moves a run to another version if it is still at $2 (rev); returns no row otherwise.
UPDATE run_live
SET version = $3, document = $4, pin_set = $5, engine_version = greatest(engine_version, $6), state = $7, rev = rev + 1
WHERE id = $1 AND rev = $2 AND cancel_at IS NULL
RETURNING id

-- name: renumber_ended_jobs
-- Replaces the numbers of nodes ($2) in the jobs of a run by new ones ($3).
UPDATE job AS j
SET node_index = m.after
FROM unnest($2::integer[], $3::integer[]) AS m(before, after)
WHERE j.run = $1 AND j.node_index = m.before
  AND j.id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND j.id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid

-- name: renumber_live_jobs
-- Replaces the numbers of nodes ($2) in the live jobs of a run by new ones ($3).
UPDATE job_live AS j
SET node_index = m.after
FROM unnest($2::integer[], $3::integer[]) AS m(before, after)
WHERE j.run = $1 AND j.node_index = m.before

-- name: record_move
-- Adds the move to the history of a run.
INSERT INTO event (run, kind, data) VALUES ($1, 'moved', $2::json)
