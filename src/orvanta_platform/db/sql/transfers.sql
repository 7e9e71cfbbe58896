-- name: list_items
-- Items of a workspace whose paths start with $2, by kind and path, at most $3.
SELECT kind, path
FROM (
    SELECT kind, path FROM item WHERE workspace = $1 AND NOT deleted
    UNION ALL
    SELECT 'variable', path FROM variable WHERE workspace = $1
    UNION ALL
    SELECT 'resource', path FROM resource WHERE workspace = $1
    UNION ALL
    SELECT 'schedule', path FROM schedule WHERE workspace = $1
    UNION ALL
    SELECT 'http_trigger', path FROM http_trigger WHERE workspace = $1
) AS owned
WHERE starts_with(path, $2)
ORDER BY kind, path LIMIT $3;

-- name: lock_documents
-- The current versions of scripts and workflows whose documents contain the text $2, with the items locked until the
-- transaction ends. `newest`: no later version is open.
SELECT i.kind, i.path, v.id AS version, v.format, d.body,
       NOT EXISTS (SELECT FROM version AS n
                   WHERE n.workspace = i.workspace AND n.kind = i.kind AND n.path = i.path AND n.id > v.id
                     AND NOT n.archived) AS newest
FROM item AS i
JOIN version AS v ON v.id = i.version
JOIN document AS d ON d.hash = v.document
WHERE i.workspace = $1 AND NOT i.archived AND NOT i.deleted AND position(convert_to($2, 'UTF8') IN d.body) > 0
ORDER BY i.kind, i.path
FOR UPDATE OF i;

-- name: move_schedule
-- Moves a schedule to another path.
UPDATE schedule SET path = $3, edited_by = $4, edited_at = app_now() WHERE workspace = $1 AND path = $2;

-- name: move_http_trigger
-- Moves an HTTP trigger to another path.
UPDATE http_trigger SET path = $3, edited_by = $4, edited_at = app_now() WHERE workspace = $1 AND path = $2;

-- name: replace_in_schedules
-- Replaces a JSON string in the arguments of schedules: $2 by $3, both with their quotation marks.
UPDATE schedule
SET args = replace(args::text, $2, $3)::json,
    on_failure_extra_args = replace(on_failure_extra_args::text, $2, $3)::json,
    on_recovery_extra_args = replace(on_recovery_extra_args::text, $2, $3)::json,
    on_success_extra_args = replace(on_success_extra_args::text, $2, $3)::json,
    edited_by = $4, edited_at = app_now()
WHERE workspace = $1
  AND position($2 IN concat(args, on_failure_extra_args, on_recovery_extra_args, on_success_extra_args)) > 0
RETURNING path;

-- name: replace_in_resources
-- Replaces a JSON string in the values of resources, except in their secret fields: $2 by $3, both with their quotation
-- marks. The last editor remains, with whose rights tests of a connection open the references.
UPDATE resource
SET value = replace(value::text, $2, $3)::json, edited_at = app_now()
WHERE workspace = $1 AND position($2 IN value::text) > 0
RETURNING path;

-- name: replace_in_http_triggers
-- Replaces the path of the resource with which HTTP triggers authenticate their callers.
UPDATE http_trigger
SET authentication_resource_path = $3, edited_by = $4, edited_at = app_now()
WHERE workspace = $1 AND authentication_resource_path = $2
RETURNING path;
