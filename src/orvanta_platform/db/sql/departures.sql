-- name: list_stopping
-- Enabled schedules and HTTP triggers that act for an account, workflows and scripts deployed on its behalf, its
-- service accounts, and automatic promotions and error handlers that it set up, in one workspace or ($2 null) all of
-- them; at most $3.
SELECT 'schedule' AS kind, workspace, path
FROM schedule
WHERE email = $1 AND ($2::text IS NULL OR workspace = $2) AND enabled
UNION ALL
SELECT 'http_trigger', workspace, path
FROM http_trigger
WHERE email = $1 AND ($2::text IS NULL OR workspace = $2) AND mode <> 'disabled'
UNION ALL
SELECT i.kind, i.workspace, i.path
FROM version AS v
JOIN item AS i ON i.version = v.id AND i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.permissioned_as IS NOT NULL AND v.settings ->> 'on_behalf_of_email' = $1
  AND ($2::text IS NULL OR v.workspace = $2) AND NOT i.archived
UNION ALL
SELECT 'service_account', s.workspace, s.username
FROM service_account AS s
JOIN member AS m ON m.email = s.email AND m.workspace = s.workspace
WHERE s.owner = $1 AND ($2::text IS NULL OR s.workspace = $2) AND NOT m.disabled
UNION ALL
SELECT 'automatic_promotion', e.workspace, e.name
FROM automatic_promotion AS a
JOIN environment AS e ON e.name = a.environment
WHERE a.email = $1 AND ($2::text IS NULL OR e.workspace = $2) AND a.disabled_reason IS NULL
UNION ALL
SELECT 'error_handler', workspace, path
FROM error_handler
WHERE email = $1 AND ($2::text IS NULL OR workspace = $2) AND NOT disabled
ORDER BY workspace, kind, path LIMIT $3;

-- name: list_owned
-- Items at paths below u/<username>/ of an account, in one workspace or ($2 null) all of them; at most $3.
SELECT o.kind, o.workspace, o.path
FROM member AS m
JOIN (
    SELECT kind, workspace, path FROM item WHERE NOT deleted
    UNION ALL
    SELECT 'variable', workspace, path FROM variable
    UNION ALL
    SELECT 'resource', workspace, path FROM resource
    UNION ALL
    SELECT 'schedule', workspace, path FROM schedule
    UNION ALL
    SELECT 'http_trigger', workspace, path FROM http_trigger
) AS o ON o.workspace = m.workspace AND starts_with(o.path, 'u/' || m.username || '/')
WHERE m.email = $1 AND ($2::text IS NULL OR m.workspace = $2)
ORDER BY o.workspace, o.kind, o.path LIMIT $3;

-- name: count
-- Numbers of sessions, tokens and live runs of an account, in one workspace or ($2 null) all of them.
SELECT (SELECT count(*) FROM token
        WHERE email = $1 AND kind = 'session' AND expires_at > app_now() AND $2::text IS NULL) AS sessions,
       (SELECT count(*) FROM token
        WHERE email = $1 AND kind = 'user' AND (expires_at IS NULL OR expires_at > app_now())
          AND ($2::text IS NULL OR workspace = $2)) AS tokens,
       (SELECT count(*) FROM run_live AS r
        LEFT JOIN run_live AS p ON p.id = r.parent
        WHERE r.email = $1 AND ($2::text IS NULL OR r.workspace = $2) AND p.email IS DISTINCT FROM $1) AS runs;

-- name: list_only_admin
-- Workspaces of which an account is the only enabled admin, among one or ($2 null) all of them.
SELECT m.workspace
FROM member AS m
WHERE m.email = $1 AND m.role = 'admin' AND NOT m.disabled AND ($2::text IS NULL OR m.workspace = $2)
  AND NOT EXISTS (SELECT FROM member AS o JOIN account AS a ON a.email = o.email
                  WHERE o.workspace = m.workspace AND o.role = 'admin' AND o.email <> $1
                    AND NOT o.disabled AND NOT a.disabled)
ORDER BY m.workspace;

-- name: stop_schedules
-- Disables the schedules that act for an account, in one workspace or ($2 null) all of them; $3: the reason.
UPDATE schedule
SET enabled = false, next_at = NULL, error = $3
WHERE email = $1 AND ($2::text IS NULL OR workspace = $2) AND enabled
RETURNING workspace, path;

-- name: stop_http_triggers
-- Disables the HTTP triggers that act for an account, in one workspace or ($2 null) all of them; $3: the reason.
UPDATE http_trigger
SET mode = 'disabled', disabled_reason = $3
WHERE email = $1 AND ($2::text IS NULL OR workspace = $2) AND mode <> 'disabled'
RETURNING workspace, path;

-- name: stop_automatic_promotions
-- Ends the automatic promotions that an account set up, in one workspace or ($2 null) all of them; $3: the reason.
UPDATE automatic_promotion AS a
SET disabled_reason = $3, waits_for = NULL
FROM environment AS e
WHERE e.name = a.environment AND a.email = $1 AND ($2::text IS NULL OR e.workspace = $2) AND a.disabled_reason IS NULL
RETURNING e.workspace, e.name AS path;

-- name: stop_error_handlers
-- Disables the error handlers that an account set, in one workspace or ($2 null) all of them; $3: the reason.
UPDATE error_handler
SET disabled = true, error = $3
WHERE email = $1 AND ($2::text IS NULL OR workspace = $2) AND NOT disabled
RETURNING workspace, path;

-- name: stop_service_accounts
-- Disables the service accounts of an owner, in one workspace or ($2 null) all of them, and deletes their tokens.
WITH stopped AS (
    UPDATE member AS m
    SET disabled = true
    FROM service_account AS s
    WHERE s.owner = $1 AND ($2::text IS NULL OR s.workspace = $2) AND m.workspace = s.workspace AND m.email = s.email
      AND NOT m.disabled
    RETURNING m.workspace, m.username AS path, m.email
), tokens AS (
    DELETE FROM token AS t USING stopped AS s WHERE t.email = s.email
)
SELECT workspace, path, email FROM stopped;

-- name: list_without_admin
-- The workspaces where an account owns service accounts without being an enabled admin.
SELECT DISTINCT s.workspace
FROM service_account AS s
WHERE s.owner = $1
  AND NOT EXISTS (SELECT FROM member AS m
                  WHERE m.workspace = s.workspace AND m.email = $1 AND m.role = 'admin' AND NOT m.disabled)
ORDER BY s.workspace;

-- name: delete_tokens
-- Deletes the tokens of an account that are valid in one workspace only.
DELETE FROM token WHERE email = $1 AND workspace = $2;

-- name: cancel_runs
-- Requests the cancellation of the live runs of an account, in one workspace or ($2 null) all of them, except those
-- that are part of another such run. $3 is the member who cancels, $4 the reason, $5 the event for the inbox, $6 the
-- seconds until the runs end without their workers.
WITH chosen AS (
    SELECT r.id
    FROM run_live AS r
    LEFT JOIN run_live AS p ON p.id = r.parent
    WHERE r.email = $1 AND ($2::text IS NULL OR r.workspace = $2) AND r.cancel_at IS NULL
      AND p.email IS DISTINCT FROM $1
    ORDER BY r.id
    FOR NO KEY UPDATE OF r
), requested AS (
    UPDATE run_live AS r
    SET cancel_at = app_now(), cancel_by = $3, cancel_reason = $4, status = 'cancelling', rev = r.rev + 1
    FROM chosen AS c
    WHERE r.id = c.id AND r.cancel_at IS NULL
    RETURNING r.id, r.workspace, r.path
), events AS (
    INSERT INTO inbox (run, event) SELECT id, $5::json FROM requested
), timers AS (
    INSERT INTO timer (run, job, kind, due_at)
    SELECT id, id, 'cancel', app_now() + make_interval(secs => $6) FROM requested
    ON CONFLICT (run, job, kind) DO UPDATE SET due_at = least(timer.due_at, excluded.due_at)
)
SELECT id, workspace, path FROM requested ORDER BY id;

-- name: list_ownerless
-- A page of the items that act for an identity of a workspace which is no longer active: schedules, HTTP triggers,
-- workflows and scripts on behalf of somebody, the automatic promotion, and service accounts and the error handler if
-- their owner is no admin. $2 and $3: kind and path of the last item of the page before.
SELECT kind, path, permissioned_as, enabled
FROM (
    SELECT 'schedule' AS kind, path, permissioned_as, email, enabled
    FROM schedule
    WHERE workspace = $1
    UNION ALL
    SELECT 'http_trigger', path, permissioned_as, email, mode = 'enabled'
    FROM http_trigger
    WHERE workspace = $1
    UNION ALL
    SELECT i.kind, i.path, v.permissioned_as, v.settings ->> 'on_behalf_of_email', true
    FROM version AS v
    JOIN item AS i ON i.version = v.id AND i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
    WHERE v.workspace = $1 AND v.permissioned_as IS NOT NULL AND NOT i.archived
    UNION ALL
    SELECT 'service_account', s.username, 'u/' || coalesce(m.username, a.username),
           CASE WHEN m.role = 'admin' OR a.super_admin THEN s.owner END, NOT t.disabled
    FROM service_account AS s
    JOIN member AS t ON t.workspace = s.workspace AND t.email = s.email
    JOIN account AS a ON a.email = s.owner
    LEFT JOIN member AS m ON m.workspace = s.workspace AND m.email = s.owner
    WHERE s.workspace = $1
    UNION ALL
    SELECT 'error_handler', h.path, h.permissioned_as, CASE WHEN m.role = 'admin' OR a.super_admin THEN h.email END,
           NOT h.disabled
    FROM error_handler AS h
    JOIN account AS a ON a.email = h.email
    LEFT JOIN member AS m ON m.workspace = h.workspace AND m.email = h.email
    WHERE h.workspace = $1
    UNION ALL
    SELECT 'automatic_promotion', e.name, a.permissioned_as, a.email, a.disabled_reason IS NULL
    FROM automatic_promotion AS a
    JOIN environment AS e ON e.name = a.environment
    WHERE e.workspace = $1
) AS acting
WHERE is_active_identity($1, permissioned_as, email) IS NOT TRUE AND (kind, path) > ($2::text, $3::text)
ORDER BY kind, path LIMIT $4;
