-- name: get
-- Creator and permissions of an item ($2: its kind, $3: its path), folder or group; owners of a folder.
SELECT created_by, extra_perms, '{}'::text[] AS owners FROM item
WHERE $2::text IN ('script', 'flow') AND workspace = $1 AND kind = $2 AND path = $3 AND NOT deleted
UNION ALL
SELECT created_by, extra_perms, '{}'::text[] AS owners FROM variable
WHERE $2::text = 'variable' AND workspace = $1 AND path = $3
UNION ALL
SELECT created_by, extra_perms, '{}'::text[] AS owners FROM resource
WHERE $2::text = 'resource' AND workspace = $1 AND path = $3
UNION ALL
SELECT created_by, extra_perms, '{}'::text[] AS owners FROM schedule
WHERE $2::text = 'schedule' AND workspace = $1 AND path = $3
UNION ALL
SELECT created_by, extra_perms, '{}'::text[] AS owners FROM http_trigger
WHERE $2::text = 'http_trigger' AND workspace = $1 AND path = $3
UNION ALL
SELECT created_by, extra_perms, owners FROM folder
WHERE $2::text = 'folder' AND workspace = $1 AND name = $3
UNION ALL
SELECT ''::text AS created_by, extra_perms, '{}'::text[] AS owners FROM team
WHERE $2::text = 'group' AND workspace = $1 AND name = $3;

-- name: set
-- Grants permission to write (true) or read (false) to a principal ($4), or ($5 null) removes its permission; returns
-- the number of principals that have one.
WITH items AS (
    UPDATE item
    SET extra_perms = (extra_perms - $4::text) || jsonb_strip_nulls(jsonb_build_object($4::text, $5::boolean))
    WHERE $2::text IN ('script', 'flow') AND workspace = $1 AND kind = $2 AND path = $3 AND NOT deleted
    RETURNING extra_perms
), variables AS (
    UPDATE variable
    SET extra_perms = (extra_perms - $4::text) || jsonb_strip_nulls(jsonb_build_object($4::text, $5::boolean))
    WHERE $2::text = 'variable' AND workspace = $1 AND path = $3
    RETURNING extra_perms
), resources AS (
    UPDATE resource
    SET extra_perms = (extra_perms - $4::text) || jsonb_strip_nulls(jsonb_build_object($4::text, $5::boolean))
    WHERE $2::text = 'resource' AND workspace = $1 AND path = $3
    RETURNING extra_perms
), schedules AS (
    UPDATE schedule
    SET extra_perms = (extra_perms - $4::text) || jsonb_strip_nulls(jsonb_build_object($4::text, $5::boolean))
    WHERE $2::text = 'schedule' AND workspace = $1 AND path = $3
    RETURNING extra_perms
), http_triggers AS (
    UPDATE http_trigger
    SET extra_perms = (extra_perms - $4::text) || jsonb_strip_nulls(jsonb_build_object($4::text, $5::boolean))
    WHERE $2::text = 'http_trigger' AND workspace = $1 AND path = $3
    RETURNING extra_perms
), folders AS (
    UPDATE folder
    SET extra_perms = (extra_perms - $4::text) || jsonb_strip_nulls(jsonb_build_object($4::text, $5::boolean))
    WHERE $2::text = 'folder' AND workspace = $1 AND name = $3
    RETURNING extra_perms
), teams AS (
    UPDATE team
    SET extra_perms = (extra_perms - $4::text) || jsonb_strip_nulls(jsonb_build_object($4::text, $5::boolean))
    WHERE $2::text = 'group' AND workspace = $1 AND name = $3
    RETURNING extra_perms
)
SELECT (SELECT count(*) FROM jsonb_object_keys(changed.extra_perms))
FROM (
    SELECT extra_perms FROM items
    UNION ALL
    SELECT extra_perms FROM variables
    UNION ALL
    SELECT extra_perms FROM resources
    UNION ALL
    SELECT extra_perms FROM schedules
    UNION ALL
    SELECT extra_perms FROM http_triggers
    UNION ALL
    SELECT extra_perms FROM folders
    UNION ALL
    SELECT extra_perms FROM teams
) AS changed;

-- name: lock_members
-- Those of these usernames that members have, locked against their removal.
SELECT username FROM member WHERE workspace = $1 AND username = ANY ($2::text[]) ORDER BY username FOR KEY SHARE;

-- name: lock_groups
-- Those of these names that groups have, locked against their deletion.
SELECT name FROM team WHERE workspace = $1 AND name = ANY ($2::text[]) ORDER BY name FOR KEY SHARE;
