-- name: accept
-- Accepts versions for a member; versions accepted already are skipped.
INSERT INTO acceptance (workspace, kind, path, permissioned_as, version, accepted_by)
SELECT v.workspace, v.kind, v.path, $2, v.id, $3
FROM version AS v
WHERE v.id = ANY ($1::bigint[])
ON CONFLICT DO NOTHING
RETURNING version;

-- name: is_accepted
-- Returns true if all of these versions are accepted for a member.
SELECT NOT EXISTS (
    SELECT FROM unnest($1::bigint[]) AS wanted (id)
    WHERE NOT EXISTS (SELECT FROM acceptance AS a WHERE a.version = wanted.id AND a.permissioned_as IN ('g/all', $2)));

-- name: withdraw
-- Deletes the acceptance of a version for one member, or, if $2 is null, for all.
DELETE FROM acceptance
WHERE version = $1 AND ($2::text IS NULL OR permissioned_as = $2);

-- name: withdraw_archived
-- Deletes the acceptances at a path whose item is archived, except those for the member $4.
DELETE FROM acceptance AS a
USING item AS i
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3 AND i.archived
  AND a.workspace = i.workspace AND a.kind = i.kind AND a.path = i.path AND a.permissioned_as IS DISTINCT FROM $4;

-- name: withdraw_at
-- Deletes the acceptances at a path, except those for the member $4.
DELETE FROM acceptance
WHERE workspace = $1 AND kind = $2 AND path = $3 AND permissioned_as IS DISTINCT FROM $4;

-- name: list_reachable
-- The current versions of items, by kind and path, and of all items that they run by path. With $5 the current versions
-- are followed, otherwise those accepted for the member $4, if any.
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
SELECT kind, path, version, accepted
FROM reached;

-- name: list_used_items
-- Kinds and paths of the items that the nodes of a version run by path.
SELECT DISTINCT kind, path
FROM version_use
WHERE version = $1 AND pinned IS NULL;

-- name: get_origin
-- Trigger and starter of the outermost run around a job's run, and the identity that the job's own run acts as.
SELECT r.permissioned_as, root.trigger, root.created_by
FROM job_live AS j
JOIN run_live AS r ON r.id = j.run
LEFT JOIN LATERAL (
    SELECT l.trigger, l.created_by
    FROM run_live AS l
    WHERE l.id = r.root
    UNION ALL
    SELECT e.trigger, e.created_by
    FROM run AS e
    WHERE e.id = r.root
    LIMIT 1
) AS root ON true
WHERE j.id = $1;

-- name: list_current
-- Items that are not archived and whose paths match one of these LIKE patterns ($2 null: all).
SELECT kind, path
FROM item
WHERE workspace = $1 AND NOT archived AND version IS NOT NULL AND ($2::text[] IS NULL OR path LIKE ANY ($2));

-- name: list_waiting
-- Items whose current version is not the one that runs for a member on whose behalf something runs them: schedules with
-- their handlers, HTTP triggers, tokens of programs, workflows on behalf of a member; directly or through workflows. $2
-- to $4 describe the caller, $5 to $8 the scopes of its token (scripts, flows, schedules, HTTP triggers). $9 and $10
-- limit the result to one item and what its triggers reach, $11 and $12 to what one trigger runs.
WITH RECURSIVE unaccepted AS (
    SELECT i.kind, i.path
    FROM item AS i
    WHERE i.workspace = $1 AND NOT i.archived AND i.version IS NOT NULL
      AND (NOT EXISTS (SELECT FROM acceptance AS a WHERE a.version = i.version AND a.permissioned_as = 'g/all')
           OR EXISTS (SELECT FROM acceptance AS a JOIN version AS v ON v.id = a.version AND v.archived
                      WHERE a.workspace = i.workspace AND a.kind = i.kind AND a.path = i.path
                        AND a.version > i.version))
), sources (source, name, shown, kind, path, permissioned_as) AS (
    SELECT 'schedule', s.path,
           ($2 OR s.path LIKE ANY ($3::text[]) OR s.extra_perms ?| $4::text[])
           AND ($7::text[] IS NULL OR s.path LIKE ANY ($7)),
           CASE WHEN target.flow THEN 'flow' ELSE 'script' END, target.path, s.permissioned_as
    FROM schedule AS s
    CROSS JOIN LATERAL (
        SELECT s.script_path AS path, s.is_flow AS flow
        UNION ALL
        SELECT regexp_replace(h.name, '^(script|flow)/', ''), h.name LIKE 'flow/%'
        FROM unnest(ARRAY[s.dynamic_skip, s.on_failure, s.on_recovery, s.on_success]) AS h (name)
        WHERE h.name IS NOT NULL
    ) AS target
    WHERE s.workspace = $1
    UNION ALL
    SELECT 'http_trigger', t.path,
           ($2 OR t.path LIKE ANY ($3) OR t.extra_perms ?| $4) AND ($8::text[] IS NULL OR t.path LIKE ANY ($8)),
           CASE WHEN t.is_flow THEN 'flow' ELSE 'script' END, t.script_path, t.permissioned_as
    FROM http_trigger AS t
    WHERE t.workspace = $1
    UNION ALL
    SELECT 'flow', i.path,
           ($2 OR i.path LIKE ANY ($3) OR i.extra_perms ?| $4) AND ($6::text[] IS NULL OR i.path LIKE ANY ($6)),
           i.kind, i.path, v.permissioned_as
    FROM item AS i
    JOIN version AS v ON v.id = i.version
    WHERE i.workspace = $1 AND i.kind = 'flow' AND NOT i.archived AND v.permissioned_as IS NOT NULL
    UNION ALL
    SELECT 'webhook', coalesce(k.label, k.prefix), $2, i.kind, i.path, 'u/' || m.username
    FROM token AS k
    JOIN member AS m ON m.workspace = $1 AND m.email = k.email
    JOIN item AS i ON i.workspace = $1 AND NOT i.archived
    WHERE k.kind = 'user' AND (k.workspace IS NULL OR k.workspace = $1)
      AND (k.expires_at IS NULL OR k.expires_at > app_now())
      AND (NOT EXISTS (SELECT FROM unnest(k.scopes) AS o (scope) WHERE o.scope !~ '^jobs:run(:|$)')
           OR EXISTS (SELECT FROM unnest(k.scopes) AS o (scope) WHERE o.scope ~ '^jobs:delegate(:|$)'))
      AND EXISTS (SELECT FROM unnest(k.scopes) AS o (scope)
                  WHERE o.scope ~ '^(\*|jobs):(\*|run)(:|$)'
                    AND (split_part(o.scope, ':', 3) IN ('', '*', i.path)
                         OR (o.scope LIKE '%*' AND starts_with(i.path, rtrim(split_part(o.scope, ':', 3), '*')))))
      AND (i.kind = 'flow' OR (i.kind, i.path) IN (SELECT kind, path FROM unaccepted))
), reached (source, name, shown, kind, path, permissioned_as, first_kind, first_path, accepted) AS (
    SELECT s.*, s.kind, s.path, accepted_version($1, s.kind, s.path, s.permissioned_as)
    FROM sources AS s
    WHERE EXISTS (SELECT FROM unaccepted) AND ($11::text IS NULL OR (s.source = $11 AND s.name = $12 AND s.shown))
    UNION
    SELECT r.source, r.name, r.shown, u.kind, u.path, coalesce(v.permissioned_as, r.permissioned_as),
           r.first_kind, r.first_path,
           accepted_version($1, u.kind, u.path, coalesce(v.permissioned_as, r.permissioned_as))
    FROM reached AS r
    JOIN version AS v ON v.id = r.accepted
    JOIN version_use AS u ON u.version = v.id AND u.pinned IS NULL
)
SELECT r.kind, r.path, r.permissioned_as, i.extra_perms,
       c.id AS version, c.number, c.author, c.created_at, c.message,
       a.id AS accepted, a.number AS accepted_number, a.author AS accepted_author,
       coalesce(array_agg(DISTINCT r.source || ':' || r.name) FILTER (WHERE r.shown), '{}') AS runs_it
FROM reached AS r
JOIN item AS i ON i.workspace = $1 AND i.kind = r.kind AND i.path = r.path AND NOT i.archived
JOIN version AS c ON c.id = i.version
LEFT JOIN version AS a ON a.id = r.accepted
WHERE (a.id IS NULL OR a.archived OR c.id > a.id)
  AND ($2 OR i.path LIKE ANY ($3) OR i.extra_perms ?| $4)
  AND (CASE WHEN r.kind = 'flow' THEN $6::text[] ELSE $5::text[] END IS NULL
       OR i.path LIKE ANY (CASE WHEN r.kind = 'flow' THEN $6::text[] ELSE $5::text[] END))
  AND ($9::text IS NULL OR (r.kind = $9 AND r.path = $10) OR (r.first_kind = $9 AND r.first_path = $10))
GROUP BY r.kind, r.path, r.permissioned_as, i.extra_perms, c.id, a.id
ORDER BY r.path, r.kind, r.permissioned_as
LIMIT 1000;
