-- name: list
-- A page of a workspace's groups by name, those past $2, with their members.
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

-- name: names
-- The names of a workspace's groups.
SELECT name FROM team WHERE workspace = $1 ORDER BY name;
