-- name: record
-- Records the references of a version: by node (empty for a script) the kind, the path, and the pinned hash.
INSERT INTO version_use (version, workspace, node, kind, path, pinned)
SELECT $1, $2, u.node, u.kind, u.path, u.pinned
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS u (node, kind, path, pinned)
ON CONFLICT DO NOTHING;

-- name: list_users
-- Users of a script or workflow: current workflows by node, current scripts that import it, schedules, HTTP triggers;
-- only readable ones.
SELECT *
FROM (
    SELECT i.kind, i.path, nullif(u.node, '') AS node, u.pinned
    FROM version_use AS u
    JOIN item AS i ON i.version = u.version
    WHERE u.workspace = $1 AND u.kind = $2 AND u.path = $3 AND NOT i.archived
      AND ($4 OR i.path LIKE ANY ($5::text[]) OR i.extra_perms ?| $6::text[])
      AND CASE i.kind
              WHEN 'flow' THEN $7::text[] IS NULL OR i.path LIKE ANY ($7)
              ELSE $11::text[] IS NULL OR i.path LIKE ANY ($11)
          END
    UNION ALL
    SELECT 'schedule', s.path, NULL, NULL
    FROM schedule AS s
    WHERE s.workspace = $1 AND s.script_path = $3 AND s.is_flow = ($2 = 'flow')
      AND ($4 OR s.path LIKE ANY ($5) OR s.extra_perms ?| $6)
      AND ($8::text[] IS NULL OR s.path LIKE ANY ($8))
    UNION ALL
    SELECT 'http_trigger', t.path, NULL, NULL
    FROM http_trigger AS t
    WHERE t.workspace = $1 AND t.script_path = $3 AND t.is_flow = ($2 = 'flow')
      AND ($4 OR t.path LIKE ANY ($5) OR t.extra_perms ?| $6)
      AND ($9::text[] IS NULL OR t.path LIKE ANY ($9))
) AS found
ORDER BY kind, path, node
LIMIT $10;
