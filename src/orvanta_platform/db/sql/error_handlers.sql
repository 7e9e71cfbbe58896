-- name: get
-- The error handler of a workspace.
SELECT workspace, path, is_flow, permissioned_as, email, error, disabled
FROM error_handler
WHERE workspace = $1

-- name: store
-- Sets the error handler of a workspace.
INSERT INTO error_handler (workspace, path, is_flow, permissioned_as, email, edited_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace) DO UPDATE
SET path = EXCLUDED.path, is_flow = EXCLUDED.is_flow, permissioned_as = EXCLUDED.permissioned_as,
    email = EXCLUDED.email, edited_by = EXCLUDED.edited_by, edited_at = app_now(), error = NULL, disabled = false

-- name: delete
-- Removes the error handler of a workspace, and the failed runs that wait for it.
WITH waiting AS (DELETE FROM failed_run WHERE workspace = $1)
DELETE FROM error_handler WHERE workspace = $1

-- name: assign
-- Lets the error handler of a workspace run as another admin; $5: enable it. Returns no row if it has another path.
UPDATE error_handler
SET permissioned_as = $3, email = $4, edited_by = $6, edited_at = app_now(),
    error = CASE WHEN NOT $5 THEN error END, disabled = disabled AND NOT $5
WHERE workspace = $1 AND path = $2
RETURNING is_flow

-- name: set_error
-- Records the reason for which the error handler could not start; null: it started. One that is disabled has a reason.
UPDATE error_handler SET error = $2 WHERE workspace = $1 AND error IS DISTINCT FROM $2 AND NOT disabled

-- name: claim_due
-- Claims up to $1 failed runs whose error handler is due, with an increasing delay before the next attempt. `handled`:
-- the run has a handler of its own, its workflow, script or schedule mutes that of the workspace, or it was deleted.
UPDATE failed_run f
SET tries = f.tries + 1, due_at = app_now() + make_interval(secs => least(3600, 15 * 2 ^ f.tries))
FROM (SELECT run FROM failed_run WHERE due_at <= app_now() ORDER BY due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED) due
LEFT JOIN LATERAL (SELECT * FROM run WHERE id = due.run OFFSET 0) r ON true
LEFT JOIN version v ON v.id = r.version
LEFT JOIN schedule_tick t ON t.run = r.id
LEFT JOIN schedule s ON s.id = t.schedule
WHERE f.run = due.run
RETURNING f.run, f.workspace, f.tries, r.kind, r.path, r.trigger, r.created_by, r.email, r.started_at, r.result_of,
          s.path AS schedule_path,
          r.id IS NULL OR s.on_failure IS NOT NULL OR coalesce(s.ws_error_handler_muted, false)
          OR coalesce(v.settings ->> 'ws_error_handler_muted' = 'true', false)
          OR EXISTS (SELECT FROM job j WHERE j.run = r.id AND j.node = 'failure' AND j.state = 'succeeded') AS handled

-- name: delete_failed_run
-- Deletes a failed run whose error handler was started or will not be; returns no row if another process did so first.
DELETE FROM failed_run WHERE run = $1 RETURNING run
