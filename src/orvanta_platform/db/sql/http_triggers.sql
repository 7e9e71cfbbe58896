-- name: get
-- One HTTP trigger.
SELECT t.id, t.workspace, t.path, t.route_path, t.route_key, t.route_first, t.http_method, t.workspaced_route,
       t.script_path, t.is_flow, t.mode, t.request_type, t.authentication_method, t.authentication_resource_path,
       t.wrap_body, t.raw_string, t.summary, t.description, t.labels, t.permissioned_as, t.email, t.scopes,
       t.retry, t.disabled_reason, t.extra_perms, t.created_by, t.edited_by, t.edited_at
FROM http_trigger t
WHERE t.workspace = $1 AND t.path = $2

-- name: lock
-- One HTTP trigger, locked until the transaction ends.
SELECT t.id, t.workspace, t.path, t.route_path, t.route_key, t.route_first, t.http_method, t.workspaced_route,
       t.script_path, t.is_flow, t.mode, t.request_type, t.authentication_method, t.authentication_resource_path,
       t.wrap_body, t.raw_string, t.summary, t.description, t.labels, t.permissioned_as, t.email, t.scopes,
       t.retry, t.disabled_reason, t.extra_perms, t.created_by, t.edited_by, t.edited_at
FROM http_trigger t
WHERE t.workspace = $1 AND t.path = $2
FOR NO KEY UPDATE

-- name: find_candidates
-- Triggers of method $1, enabled or not, that a request may match: instance routes if the first part $2 is not the id
-- of a workspace, otherwise routes of the workspace $2 with $3 as the next part.
SELECT t.id, t.workspace, t.path, t.route_path, t.route_key, t.route_first, t.http_method, t.workspaced_route,
       t.script_path, t.is_flow, t.mode, t.request_type, t.authentication_method, t.authentication_resource_path,
       t.wrap_body, t.raw_string, t.summary, t.description, t.labels, t.permissioned_as, t.email, t.scopes,
       t.retry, t.disabled_reason, t.extra_perms, t.created_by, t.edited_by, t.edited_at
FROM http_trigger t
WHERE t.http_method = $1
  AND (NOT t.workspaced_route AND t.route_first IN ($2, '') AND NOT EXISTS (SELECT FROM workspace w WHERE w.id = $2)
       OR t.workspaced_route AND t.workspace = $2 AND t.route_first IN ($3, ''))

-- name: lock_instance_routes
-- Locks out concurrent writes of instance routes and the creation of workspaces until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('instance routes', 0))

-- name: is_first_segment
-- Returns true if an instance route starts with this part.
SELECT EXISTS (SELECT FROM http_trigger t WHERE NOT t.workspaced_route AND t.route_first = $1)

-- name: list_other_instance_routes
-- Instance routes of method $2 in other workspaces than $1 that may start with the part $3 (empty: any).
SELECT t.route_path
FROM http_trigger t
WHERE t.http_method = $2 AND NOT t.workspaced_route AND t.workspace <> $1 AND ($3 = '' OR t.route_first IN ($3, ''))

-- name: find_route_owner
-- Workspace and path of the trigger that has this route, if any.
SELECT t.workspace, t.path
FROM http_trigger t
WHERE t.http_method = $2 AND t.route_key = $3 AND t.workspaced_route = $4 AND (NOT $4 OR t.workspace = $1)

-- name: list
-- A page of the readable triggers by path. $6 and $7 are those of the target; $10: paths after this one; $13: at these
-- paths only.
SELECT t.id, t.workspace, t.path, t.route_path, t.route_key, t.route_first, t.http_method, t.workspaced_route,
       t.script_path, t.is_flow, t.mode, t.request_type, t.authentication_method, t.authentication_resource_path,
       t.wrap_body, t.raw_string, t.summary, t.description, t.labels, t.permissioned_as, t.email, t.scopes,
       t.retry, t.disabled_reason, t.extra_perms, t.created_by, t.edited_by, t.edited_at
FROM http_trigger t
WHERE t.workspace = $1
  AND ($2 OR t.path LIKE ANY ($3::text[]) OR t.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR t.path LIKE ANY ($5))
  AND ($6::text IS NULL OR t.script_path = $6)
  AND ($7::boolean IS NULL OR t.is_flow = $7)
  AND ($8::text IS NULL OR starts_with(t.path, $8))
  AND ($9::text IS NULL OR $9 = ANY (t.labels))
  AND t.path > $10
  AND ($13::text[] IS NULL OR t.path = ANY ($13))
ORDER BY t.path LIMIT $11 OFFSET $12

-- name: insert
-- Adds a trigger; returns no row if the path is taken.
INSERT INTO http_trigger (workspace, id, path, route_path, route_key, route_first, http_method, workspaced_route,
                          script_path, is_flow, mode, request_type, authentication_method, authentication_resource_path,
                          wrap_body, raw_string, summary, description, labels, permissioned_as, email, scopes,
                          retry, created_by, edited_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $24)
ON CONFLICT (workspace, path) DO NOTHING
RETURNING id

-- name: update
-- Changes a trigger.
UPDATE http_trigger
SET route_path = $3, route_key = $4, route_first = $5, http_method = $6, workspaced_route = $7, script_path = $8,
       is_flow = $9, mode = $10, request_type = $11, authentication_method = $12, authentication_resource_path = $13,
       wrap_body = $14, raw_string = $15, summary = $16, description = $17, labels = $18, permissioned_as = $19,
       email = $20, scopes = $21, retry = $22, edited_by = $23, disabled_reason = NULL, edited_at = app_now()
WHERE workspace = $1 AND path = $2

-- name: release_routes
-- Frees the routes of triggers, for those that take them in the same transaction, until these are changed too.
UPDATE http_trigger SET route_key = 'changed ' || id WHERE workspace = $1 AND path = ANY ($2::text[])

-- name: set_mode
-- Enables or disables a trigger.
UPDATE http_trigger
SET mode = $3, disabled_reason = NULL, edited_by = $4, edited_at = app_now()
WHERE workspace = $1 AND path = $2

-- name: delete
-- Deletes a trigger; the runs that it started remain.
DELETE FROM http_trigger WHERE workspace = $1 AND path = $2

-- name: record_call
-- Records the request that started a run.
INSERT INTO event (run, kind, data) VALUES ($1, 'trigger', $2::json)
