-- name: insert
-- Adds the checks of a deployment, which become due at once.
INSERT INTO deployment_check (deployment, checks, on_failed, permissioned_as, email, scopes)
VALUES ($1, $2::text::jsonb, $3, $4, $5, $6::text[]);

-- name: claim_due
-- Claims up to $1 checks that are due for $2 seconds.
UPDATE deployment_check AS c
SET due_at = app_now() + make_interval(secs => $2)
FROM (
    SELECT deployment FROM deployment_check
    WHERE due_at <= app_now()
    ORDER BY due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) AS due, deployment AS d
JOIN environment AS e ON e.name = d.environment
WHERE c.deployment = due.deployment AND d.id = c.deployment
RETURNING c.deployment, c.checks::text AS checks, c.on_failed, c.permissioned_as, c.email, c.scopes, c.state,
          c.results::text AS results, c.run, c.run_until <= app_now() AS is_run_late, c.rollback, c.rollback_request,
          app_now() - coalesce(c.ended_at, c.run_until, c.created_at) > make_interval(secs => $3) AS is_late,
          d.environment, e.workspace, d.request, d.release, d.source, d.number;

-- name: postpone
-- Lets an unfinished check become due again after $2 seconds.
UPDATE deployment_check SET due_at = app_now() + make_interval(secs => $2)
WHERE deployment = $1 AND due_at IS NOT NULL;

-- name: start_run
-- Stores the smoke run $2 with its time limit in seconds, and the results so far; returns no row if another server has
-- started one.
UPDATE deployment_check
SET state = 'running', run = $2, run_until = app_now() + make_interval(secs => $3), results = $4::text::jsonb,
    due_at = app_now() + interval '1 second'
WHERE deployment = $1 AND state = 'waiting'
RETURNING deployment;

-- name: finish
-- Ends the checks with the state $2, of those that are in the state $3; $5: a rollback is due. Returns no row if
-- another server has ended them.
UPDATE deployment_check
SET state = $2, results = $4::text::jsonb, ended_at = app_now(), rollback = CASE WHEN $5 THEN 'due' END,
    due_at = CASE WHEN $5 THEN app_now() END
WHERE deployment = $1 AND state = $3
RETURNING deployment;

-- name: get_interventions
-- Returns whether somebody cancelled a part of the ended run $2, or of a run that it called, paused, continued or moved
-- it, since $3, and whether somebody decided in one of them. Runs of members who leave are cancelled with one another.
WITH RECURSIVE called AS (
    SELECT $2::uuid AS id
    UNION ALL
    SELECT r.id FROM run AS r JOIN called AS c ON r.parent = c.id
)
SELECT EXISTS (SELECT FROM audit AS a
               WHERE a.workspace = $1 AND a.at >= $3
                 AND a.operation IN ('jobs.cancel', 'jobs.continue', 'jobs.move', 'jobs.pause_before')
                 AND a.parameters ->> 'run' IN (SELECT id::text FROM called))
       OR EXISTS (SELECT FROM run AS r JOIN called USING (id) WHERE r.cancel_by IS NOT NULL) AS changed,
       EXISTS (SELECT FROM decision AS d WHERE d.run IN (SELECT id FROM called)) AS decided;

-- name: is_current
-- Returns true if a deployment is the last one of its environment.
SELECT e.deployment = d.id FROM deployment AS d JOIN environment AS e ON e.name = d.environment WHERE d.id = $1;

-- name: lock_rollback
-- Locks the rollback that is due after failed checks; returns true if their deployment is still the last one of its
-- environment, and no row if another server has ended the rollback.
SELECT e.deployment = c.deployment AS is_current
FROM deployment_check AS c
JOIN deployment AS d ON d.id = c.deployment
JOIN environment AS e ON e.name = d.environment
WHERE c.deployment = $1 AND c.rollback = 'due'
FOR UPDATE OF c;

-- name: end_rollback
-- Records that a rollback was done or refused, with its request and the reason; returns no row if that was recorded.
UPDATE deployment_check
SET rollback = $2, rollback_request = $3, rollback_detail = $4, due_at = NULL
WHERE deployment = $1 AND rollback = 'due'
RETURNING deployment;

-- name: list_of
-- The checks of the deployments $2 to an environment, whose readers the caller has determined.
SELECT c.deployment, c.checks::text AS checks, c.on_failed, c.permissioned_as, c.state, c.results::text AS results,
       c.run, c.run_until, c.created_at, c.ended_at, c.rollback, c.rollback_request, c.rollback_detail
FROM deployment_check AS c
JOIN deployment AS d ON d.id = c.deployment
WHERE d.environment = $1 AND c.deployment = ANY ($2::bigint[]);
