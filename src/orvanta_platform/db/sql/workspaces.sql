-- name: exists
-- Returns true if a workspace has this id, including archived ones.
SELECT EXISTS (SELECT 1 FROM workspace WHERE id = $1);

-- name: insert
-- Adds a workspace; returns no row if the id is or was that of another one, whose audit trail remains.
INSERT INTO workspace (id, name, owner, color)
SELECT $1, $2, $3, $4
WHERE NOT EXISTS (SELECT FROM audit_link WHERE workspace = $1) AND NOT EXISTS (SELECT FROM audit WHERE workspace = $1)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: list_of_account
-- The workspaces of an account with its username in each; for a superadmin ($2) all of them. The color is
-- that of the environment, if the workspace is one.
SELECT w.id, w.name, w.owner, coalesce(e.color, w.color) AS color, m.username, coalesce(m.disabled, false) AS disabled,
       coalesce((e.rules ->> 'refuse_direct_deploys')::boolean, false) AS releases_only
FROM workspace AS w
LEFT JOIN environment AS e ON e.workspace = w.id
LEFT JOIN member AS m ON m.workspace = w.id AND m.email = $1
WHERE w.archived_at IS NULL AND ($2 OR m.username IS NOT NULL)
ORDER BY w.id;

-- name: list_archived
-- The archived workspaces of which an account is an admin; for a superadmin ($2) all of them.
SELECT w.id, w.name, w.owner, w.color, m.username, coalesce(m.disabled, false) AS disabled
FROM workspace AS w
LEFT JOIN member AS m ON m.workspace = w.id AND m.email = $1
WHERE w.archived_at IS NOT NULL AND ($2 OR m.role = 'admin' AND NOT m.disabled)
ORDER BY w.id;

-- name: get_name
-- The display name of a workspace.
SELECT name FROM workspace WHERE id = $1;

-- name: get_settings
-- The settings of a workspace.
SELECT secrets_readable, search_run_data, retention_days, token_max_age_days, color FROM workspace WHERE id = $1;

-- name: set_name
-- Sets the display name of a workspace.
UPDATE workspace SET name = $2 WHERE id = $1;

-- name: set_color
-- Sets the color of a workspace; null: none.
UPDATE workspace SET color = $2 WHERE id = $1;

-- name: set_archived
-- Archives a workspace or restores it; returns no row if nothing changes, or if its deletion has begun.
UPDATE workspace
SET archived_at = CASE WHEN $2 THEN app_now() END
WHERE id = $1 AND (archived_at IS NOT NULL) <> $2 AND archived_at IS DISTINCT FROM 'infinity'
RETURNING id;

-- name: begin_deletion
-- Marks an archived workspace, so that it is not restored while it is deleted; returns no row if it is not archived.
UPDATE workspace SET archived_at = 'infinity' WHERE id = $1 AND archived_at IS NOT NULL RETURNING id;

-- name: count_live_runs
-- Number of unfinished runs of a workspace.
SELECT count(*) FROM run_live WHERE workspace = $1;

-- name: take_files
-- Deletes the rows of up to $2 files of a workspace; returns their objects.
DELETE FROM file AS f
USING (SELECT workspace, key FROM file WHERE workspace = $1 LIMIT $2) AS d
WHERE f.workspace = d.workspace AND f.key = d.key
RETURNING f.object;

-- name: delete_cached_results
-- Deletes up to $2 cached results of a workspace.
DELETE FROM cache WHERE key IN (SELECT key FROM cache WHERE workspace = $1 LIMIT $2);

-- name: delete_idempotency_keys
-- Deletes up to $2 idempotency keys of a workspace.
DELETE FROM idempotency AS i
USING (SELECT workspace, caller, path, key FROM idempotency WHERE workspace = $1 LIMIT $2) AS d
WHERE (i.workspace, i.caller, i.path, i.key) = (d.workspace, d.caller, d.path, d.key);

-- name: delete_ticks
-- Deletes up to $2 ticks of schedules of a workspace.
DELETE FROM schedule_tick AS t
USING (SELECT schedule, tick_at FROM schedule_tick WHERE workspace = $1 LIMIT $2) AS d
WHERE t.schedule = d.schedule AND t.tick_at = d.tick_at;

-- name: delete_items
-- Deletes up to $2 scripts and workflows of a workspace, with their versions.
DELETE FROM item AS i
USING (SELECT workspace, kind, path FROM item WHERE workspace = $1 LIMIT $2) AS d
WHERE (i.workspace, i.kind, i.path) = (d.workspace, d.kind, d.path);

-- name: delete_limits
-- Deletes up to $2 counters of limits of a workspace.
DELETE FROM gate WHERE key IN (SELECT key FROM gate WHERE workspace = $1 LIMIT $2);

-- name: delete
-- Deletes a workspace with everything that refers to it, and the accounts of its service accounts, except those whose
-- usernames remain reserved in other workspaces.
WITH accounts AS (
    DELETE FROM account AS a
    USING service_account AS s
    WHERE s.workspace = $1 AND a.email = s.email
      AND NOT EXISTS (SELECT FROM former_member AS f WHERE f.email = a.email AND f.workspace <> $1)
)
DELETE FROM workspace WHERE id = $1 AND archived_at = 'infinity' RETURNING id;

-- name: add_member
-- Adds a member; returns no row if the username or the account is a member already, or if the username is that of
-- another account, as which a superadmin acts in workspaces without being a member, or that of a former member with
-- another account.
INSERT INTO member (workspace, username, email, role)
SELECT $1, $2, $3, $4
WHERE NOT EXISTS (SELECT FROM former_member WHERE workspace = $1 AND username = $2 AND email <> $3)
  AND NOT EXISTS (SELECT FROM account WHERE username = $2 AND email <> $3)
ON CONFLICT DO NOTHING
RETURNING username;

-- name: is_username_taken
-- Returns true if a member of a workspace, or a former one, has this username.
SELECT EXISTS (SELECT 1 FROM member WHERE workspace = $1 AND username = $2)
    OR EXISTS (SELECT 1 FROM former_member WHERE workspace = $1 AND username = $2);

-- name: get_member
-- One member by username.
SELECT m.workspace, m.username, m.email, m.role, m.disabled, m.created_at, a.name, a.super_admin,
       a.disabled AS account_disabled, nullif(s.workspace, m.workspace) AS service_account_of,
       coalesce((SELECT array_agg(t.team ORDER BY t.team) FROM team_member AS t
                 WHERE t.workspace = m.workspace AND t.username = m.username), '{}') AS groups
FROM member AS m
JOIN account AS a ON a.email = m.email
LEFT JOIN service_account AS s ON s.email = m.email
WHERE m.workspace = $1 AND m.username = $2;

-- name: get_username
-- The username of the member with this address.
SELECT username
FROM member
WHERE workspace = $1 AND email = $2 AND NOT disabled;

-- name: list_members
-- A page of the members of a workspace by username.
SELECT m.workspace, m.username, m.email, m.role, m.disabled, m.created_at, a.name, a.super_admin,
       a.disabled AS account_disabled, nullif(s.workspace, m.workspace) AS service_account_of,
       coalesce((SELECT array_agg(t.team ORDER BY t.team) FROM team_member AS t
                 WHERE t.workspace = m.workspace AND t.username = m.username), '{}') AS groups
FROM member AS m
JOIN account AS a ON a.email = m.email
LEFT JOIN service_account AS s ON s.email = m.email
WHERE m.workspace = $1 AND m.username > $2
ORDER BY m.username LIMIT $3 OFFSET $4;

-- name: are_secrets_readable
-- Returns true if a workspace lets developers read secrets through the API.
SELECT secrets_readable FROM workspace WHERE id = $1;

-- name: set_secrets_readable
-- Sets whether developers may read secrets through the API.
UPDATE workspace SET secrets_readable = $2 WHERE id = $1;

-- name: get_health
-- The time of the database and the number of live workers.
SELECT app_now() AS checked_at, (SELECT count(*) FROM worker WHERE state = 'live') AS workers_alive;

-- name: is_search_enabled
-- Returns true if the data of a workspace's runs is indexed for search.
SELECT search_run_data FROM workspace WHERE id = $1;

-- name: set_search_run_data
-- Enables indexing of the data of a workspace's runs, starting with the first run, or disables it.
UPDATE workspace
SET search_run_data = $2, search_past = CASE WHEN $2 THEN NULL ELSE search_past END
WHERE id = $1 AND search_run_data <> $2;

-- name: set_retention_days
-- Sets the retention of a workspace's runs in days.
UPDATE workspace SET retention_days = $2 WHERE id = $1;

-- name: get_token_max_age_days
-- The shortest maximum lifetime of new tokens among the workspace $2, or all workspaces of the account $1 if it is
-- null.
SELECT min(w.token_max_age_days)
FROM workspace AS w
WHERE w.archived_at IS NULL
  AND CASE WHEN $2::text IS NOT NULL THEN w.id = $2
           ELSE EXISTS (SELECT FROM member AS m WHERE m.workspace = w.id AND m.email = $1) END;

-- name: set_token_max_age_days
-- Sets the maximum lifetime of new tokens of a workspace.
UPDATE workspace SET token_max_age_days = $2 WHERE id = $1;

-- name: lock_settings
-- The settings of a workspace that admins change on one page. Serializes their changes until the transaction ends.
SELECT name AS new_name, secrets_readable, retention_days, search_run_data, token_max_age_days
FROM workspace
WHERE id = $1
FOR NO KEY UPDATE;

-- name: get_error_handler
-- The error handler of a workspace, as admins write it.
SELECT CASE WHEN is_flow THEN 'flow/' ELSE 'script/' END || path
FROM error_handler
WHERE workspace = $1;
