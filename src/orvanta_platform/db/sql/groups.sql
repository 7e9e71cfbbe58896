-- name: list
-- A page of a workspace's groups by name, those after $2, with their members.
SELECT t.name, t.summary, t.extra_perms,
       coalesce((SELECT array_agg(m.username ORDER BY m.username) FROM team_member AS m
                 WHERE m.workspace = t.workspace AND m.team = t.name), '{}') AS members
FROM team AS t
WHERE t.workspace = $1 AND t.name > $2
ORDER BY t.name LIMIT $3 OFFSET $4;

-- name: get
-- One group with its members.
SELECT t.name, t.summary, t.extra_perms,
       coalesce((SELECT array_agg(m.username ORDER BY m.username) FROM team_member AS m
                 WHERE m.workspace = t.workspace AND m.team = t.name), '{}') AS members
FROM team AS t
WHERE t.workspace = $1 AND t.name = $2;

-- name: list_names
-- The names of a workspace's groups.
SELECT name FROM team WHERE workspace = $1 ORDER BY name;

-- name: insert
-- Adds a group; returns no row if the name is taken.
INSERT INTO team (workspace, name, summary)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING name;

-- name: set_summary
-- Sets the summary of a group; null: unchanged.
UPDATE team SET summary = coalesce($3, summary) WHERE workspace = $1 AND name = $2 RETURNING name;

-- name: set_managers
-- Sets the managers of a group: the members among these usernames.
UPDATE team
SET extra_perms = (SELECT coalesce(jsonb_object_agg('u/' || m.username, true), '{}')
                   FROM member AS m
                   WHERE m.workspace = $1 AND m.username = ANY ($3::text[]))
WHERE workspace = $1 AND name = $2;

-- name: list_unknown_members
-- Those of these usernames that no member of the workspace has.
SELECT u.username
FROM unnest($2::text[]) AS u (username)
WHERE NOT EXISTS (SELECT FROM member AS m WHERE m.workspace = $1 AND m.username = u.username);

-- name: lock
-- Locks a group, so that no permission is granted to it meanwhile.
SELECT FROM team WHERE workspace = $1 AND name = $2 FOR UPDATE;

-- name: delete
-- Deletes a group with its memberships and the permissions granted to it.
WITH who AS (
    SELECT $1::text AS workspace, 'g/' || $2::text AS principal
), folders AS (
    UPDATE folder AS f SET owners = array_remove(f.owners, w.principal), extra_perms = f.extra_perms - w.principal
    FROM who AS w
    WHERE f.workspace = w.workspace AND (w.principal = ANY (f.owners) OR f.extra_perms ? w.principal)
), items AS (
    UPDATE item AS i SET extra_perms = i.extra_perms - w.principal
    FROM who AS w
    WHERE i.workspace = w.workspace AND i.extra_perms ? w.principal
), variables AS (
    UPDATE variable AS v SET extra_perms = v.extra_perms - w.principal
    FROM who AS w
    WHERE v.workspace = w.workspace AND v.extra_perms ? w.principal
), resources AS (
    UPDATE resource AS r SET extra_perms = r.extra_perms - w.principal
    FROM who AS w
    WHERE r.workspace = w.workspace AND r.extra_perms ? w.principal
), schedules AS (
    UPDATE schedule AS s SET extra_perms = s.extra_perms - w.principal
    FROM who AS w
    WHERE s.workspace = w.workspace AND s.extra_perms ? w.principal
), http_triggers AS (
    UPDATE http_trigger AS h SET extra_perms = h.extra_perms - w.principal
    FROM who AS w
    WHERE h.workspace = w.workspace AND h.extra_perms ? w.principal
)
DELETE FROM team WHERE workspace = $1 AND name = $2 RETURNING name;

-- name: add_user
-- Adds a member of the workspace to a group; returns no row if there is no such member.
INSERT INTO team_member (workspace, team, username)
SELECT $1, $2, username
FROM member
WHERE workspace = $1 AND username = $3
ON CONFLICT (workspace, team, username) DO UPDATE SET username = excluded.username
RETURNING username;

-- name: remove_user
-- Removes a user from a group.
DELETE FROM team_member
WHERE workspace = $1 AND team = $2 AND username = $3
RETURNING username;
