-- name: roles
-- The current role, whether it is a superuser, and the number of tables it owns: the application must not own the audit
-- log.
SELECT current_user AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       (SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relowner = current_user::regrole
           AND relnamespace = 'public'::regnamespace) AS owned_tables

-- name: list_sealing_keys
-- Digests of the instance keys that the newest data key of a workspace is sealed with.
SELECT DISTINCT wrapped_by
FROM (SELECT DISTINCT ON (workspace) wrapped_by FROM data_key ORDER BY workspace, version DESC) AS newest

-- name: list_standbys
-- The standbys of the database. `is_synchronous` and `behind_bytes` are null if the owner may not see them.
SELECT name, is_synchronous, behind_bytes FROM orvanta_standbys()
