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

-- name: list_references
-- Current workflows and scripts whose document contains the path $3 of a variable or resource, and schedules, HTTP
-- triggers and resources that refer to it by $4, its reference as a JSON string; only readable ones. `document`
-- is the hash of a document of up to $14 bytes, in which the caller looks for a reference.
SELECT *
FROM (
    SELECT i.kind, i.path, CASE WHEN octet_length(d.body) <= $14 THEN d.hash END AS document
    FROM item AS i
    JOIN version AS v ON v.id = i.version
    JOIN document AS d ON d.hash = v.document
    WHERE i.workspace = $1 AND NOT i.archived AND position(convert_to($3, 'UTF8') IN d.body) > 0
      AND ($5 OR i.path LIKE ANY ($6::text[]) OR i.extra_perms ?| $7::text[])
      AND CASE i.kind
              WHEN 'flow' THEN $8::text[] IS NULL OR i.path LIKE ANY ($8)
              ELSE $9::text[] IS NULL OR i.path LIKE ANY ($9)
          END
    UNION ALL
    SELECT 'schedule', s.path, NULL
    FROM schedule AS s
    WHERE s.workspace = $1
      AND position($4 IN concat(s.args, s.on_failure_extra_args, s.on_recovery_extra_args, s.on_success_extra_args)) > 0
      AND ($5 OR s.path LIKE ANY ($6) OR s.extra_perms ?| $7)
      AND ($10::text[] IS NULL OR s.path LIKE ANY ($10))
    UNION ALL
    SELECT 'http_trigger', t.path, NULL
    FROM http_trigger AS t
    WHERE t.workspace = $1 AND $2 = 'resource' AND t.authentication_resource_path = $3
      AND ($5 OR t.path LIKE ANY ($6) OR t.extra_perms ?| $7)
      AND ($11::text[] IS NULL OR t.path LIKE ANY ($11))
    UNION ALL
    SELECT 'resource', r.path, NULL
    FROM resource AS r
    WHERE r.workspace = $1 AND position($4 IN r.value::text) > 0
      AND ($5 OR r.path LIKE ANY ($6) OR r.extra_perms ?| $7)
      AND ($12::text[] IS NULL OR r.path LIKE ANY ($12))
) AS found
ORDER BY kind, path
LIMIT $13;

-- name: list_documents
-- The documents of some hashes.
SELECT hash, body FROM document WHERE hash = ANY ($1::bytea[]);
