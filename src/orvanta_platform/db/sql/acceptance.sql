-- name: accept
-- Versions become accepted for a member; nothing happens where they are.
INSERT INTO acceptance (workspace, kind, path, permissioned_as, version, accepted_by)
SELECT v.workspace, v.kind, v.path, $2, v.id, $3 FROM version AS v WHERE v.id = ANY ($1::bigint[])
ON CONFLICT DO NOTHING
RETURNING version;

-- name: is_accepted
-- Whether all of these versions are accepted for a member.
SELECT NOT EXISTS (
    SELECT FROM unnest($1::bigint[]) AS wanted (id)
    WHERE NOT EXISTS (SELECT FROM acceptance AS a WHERE a.version = wanted.id AND a.permissioned_as IN ('g/all', $2)));

-- name: withdraw
-- A version is accepted no more: for one member, or, $2 null, for anybody.
DELETE FROM acceptance WHERE version = $1 AND ($2::text IS NULL OR permissioned_as = $2);

-- name: reached
-- The current versions of items, by kind and path, and of all that they run by path: $5 in their current versions, else
-- in those accepted for the member $4, where there are such.
WITH RECURSIVE reached (kind, path, version, accepted) AS (
    SELECT i.kind, i.path, i.version, accepted_version($1, i.kind, i.path, $4)
    FROM unnest($2::text[], $3::text[]) AS named (kind, path)
    JOIN item AS i ON i.workspace = $1 AND i.kind = named.kind AND i.path = named.path
    WHERE i.version IS NOT NULL
    UNION
    SELECT i.kind, i.path, i.version, accepted_version($1, i.kind, i.path, $4)
    FROM reached AS r
    JOIN version_use AS u ON u.version = CASE WHEN $5 THEN r.version ELSE coalesce(r.accepted, r.version) END
    JOIN item AS i ON i.workspace = $1 AND i.kind = u.kind AND i.path = u.path
    WHERE i.version IS NOT NULL AND u.pinned IS NULL
)
SELECT kind, path, version, accepted FROM reached;

-- name: used_by_version
-- What the nodes of a version run by path.
SELECT DISTINCT kind, path FROM version_use WHERE version = $1 AND pinned IS NULL;

-- name: origin
-- How the outermost run of a job's run was started, by whom, and for whom the job's own run acts.
SELECT r.permissioned_as, root.trigger, root.created_by
FROM job_live AS j
JOIN run_live AS r ON r.id = j.run
LEFT JOIN LATERAL (
    SELECT l.trigger, l.created_by FROM run_live AS l WHERE l.id = r.root
    UNION ALL
    SELECT e.trigger, e.created_by FROM run AS e WHERE e.id = r.root
    LIMIT 1
) AS root ON true
WHERE j.id = $1;
