-- name: roles
-- Who we are, whether as superuser, and how many tables we own: what keeps the audit log from the application.
SELECT current_user AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       (SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relowner = current_user::regrole
           AND relnamespace = 'public'::regnamespace) AS owned_tables
