-- name: record
-- Records the references of a version: by node (empty for a script) the kind, the path, and the pinned hash.
INSERT INTO version_use (version, workspace, node, kind, path, pinned)
SELECT $1, $2, u.node, u.kind, u.path, u.pinned
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS u (node, kind, path, pinned)
ON CONFLICT DO NOTHING;

-- name: list_references
-- References to items of a workspace: to the items of the kinds $2 at the paths $3. Documents that contain their texts
-- in $4 (null: none) are candidates: `document` is the hash of a document of up to $10 bytes, in which the caller looks
-- for the reference. $5 to $8 describe the caller's rights, by which `readable` is decided; $8 are the kinds of the
-- patterns $9, by which the token limits paths.
WITH sought AS (
    SELECT s.kind, s.path, convert_to(s.text, 'UTF8') AS text, 'g/' || s.path AS principal,
           format('"$%s:%s"', CASE s.kind WHEN 'variable' THEN 'var' ELSE 'res' END, s.path) AS reference
    FROM unnest($2::text[], $3::text[], $4::text[]) AS s (kind, path, text)
), found AS (
    SELECT i.kind, i.path, i.extra_perms, nullif(u.node, '') AS node, u.pinned, NULL::boolean AS enabled,
           s.kind AS of_kind, s.path AS of_path, NULL::bytea AS document
    FROM sought AS s
    JOIN version_use AS u ON u.workspace = $1 AND u.kind = s.kind AND u.path = s.path
    JOIN item AS i ON i.workspace = $1 AND i.version = u.version
    WHERE NOT i.archived
    UNION ALL
    SELECT i.kind, i.path, i.extra_perms, NULL, NULL, NULL, s.kind, s.path,
           CASE WHEN octet_length(d.body) <= $10 THEN d.hash END
    FROM sought AS s
    CROSS JOIN item AS i
    JOIN version AS v ON v.id = i.version
    JOIN document AS d ON d.hash = coalesce(v.run_document, v.document)
    WHERE s.text IS NOT NULL AND (i.kind = 'flow' OR s.kind IN ('variable', 'resource'))
      AND i.workspace = $1 AND NOT i.archived AND position(s.text IN d.body) > 0
    UNION ALL
    SELECT i.kind, i.path, i.extra_perms, NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    CROSS JOIN item AS i
    JOIN version AS v ON v.id = i.version
    WHERE s.kind IN ('resource_type', 'queue', 'group') AND i.workspace = $1 AND NOT i.archived
      AND CASE s.kind
              WHEN 'resource_type'
                  THEN position(format('"resource-%s"', s.path) IN concat(v.settings, v.made_schema)) > 0
              WHEN 'queue' THEN coalesce(v.run_settings, v.settings) ->> 'tag' = s.path
              ELSE i.extra_perms ? s.principal
          END
    UNION ALL
    SELECT 'schedule', t.path, t.extra_perms, NULL, NULL, t.enabled, s.kind, s.path, NULL
    FROM schedule AS t
    CROSS JOIN LATERAL (
        VALUES (CASE WHEN t.is_flow THEN 'flow/' ELSE 'script/' END || t.script_path),
               (t.on_failure), (t.on_recovery), (t.on_success), (t.dynamic_skip)
    ) AS target (name)
    JOIN sought AS s
      ON s.kind || '/' || s.path = CASE WHEN target.name ~ '^(flow|script)/' THEN '' ELSE 'script/' END || target.name
    WHERE t.workspace = $1
    UNION ALL
    SELECT 'schedule', t.path, t.extra_perms, NULL, NULL, t.enabled, s.kind, s.path, NULL
    FROM sought AS s
    CROSS JOIN schedule AS t
    WHERE s.kind IN ('variable', 'resource', 'queue', 'group') AND t.workspace = $1
      AND CASE s.kind
              WHEN 'queue' THEN t.tag = s.path
              WHEN 'group' THEN t.extra_perms ? s.principal
              ELSE position(s.reference IN concat(t.args, t.on_failure_extra_args, t.on_recovery_extra_args,
                                                  t.on_success_extra_args)) > 0
          END
    UNION ALL
    SELECT 'http_trigger', t.path, t.extra_perms, NULL, NULL, t.mode = 'enabled', s.kind, s.path, NULL
    FROM sought AS s
    CROSS JOIN http_trigger AS t
    WHERE s.kind IN ('flow', 'script', 'resource', 'group') AND t.workspace = $1
      AND CASE s.kind
              WHEN 'resource' THEN t.authentication_resource_path = s.path
              WHEN 'group' THEN t.extra_perms ? s.principal
              ELSE t.script_path = s.path AND t.is_flow = (s.kind = 'flow')
          END
    UNION ALL
    SELECT 'error_handler', e.path, '{}', NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    JOIN error_handler AS e ON e.path = s.path AND e.is_flow = (s.kind = 'flow')
    WHERE s.kind IN ('flow', 'script') AND e.workspace = $1
    UNION ALL
    SELECT 'resource', r.path, r.extra_perms, NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    CROSS JOIN resource AS r
    WHERE s.kind IN ('variable', 'resource', 'resource_type', 'group') AND r.workspace = $1
      AND CASE s.kind
              WHEN 'resource_type' THEN r.resource_type = s.path
              WHEN 'group' THEN r.extra_perms ? s.principal
              ELSE position(s.reference IN r.value::text) > 0
          END
    UNION ALL
    SELECT 'variable', v.path, v.extra_perms, NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    JOIN variable AS v ON v.extra_perms ? s.principal
    WHERE s.kind = 'group' AND v.workspace = $1
    UNION ALL
    SELECT 'folder', 'f/' || f.name, f.extra_perms, NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    JOIN folder AS f ON f.extra_perms ? s.principal OR s.principal = ANY (f.owners)
    WHERE s.kind = 'group' AND f.workspace = $1
    UNION ALL
    SELECT 'policy', p.name, '{}', NULL, NULL, p.body ->> 'mode' IS DISTINCT FROM 'off', s.kind, s.path, NULL
    FROM sought AS s
    JOIN policy AS p
      ON CASE s.kind
             WHEN 'group' THEN p.body -> 'bypass' ? s.principal
             ELSE p.body -> 'rules' @> jsonb_build_array(
                 jsonb_build_object('kind', 'default', 'field', 'tag', 'value', s.path)
             )
         END
    WHERE s.kind IN ('group', 'queue') AND (p.workspace = $1 OR p.workspace IS NULL AND s.kind = 'queue')
    UNION ALL
    SELECT 'environment', e.name, '{}', NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    JOIN environment AS e
      ON e.rules -> 'approvers' ? s.principal
         OR e.rules -> 'appliers' ? s.principal
         OR e.rules -> 'bypass' ? s.principal
    WHERE s.kind = 'group' AND e.workspace = $1
    UNION ALL
    SELECT 'environment', e.name, '{}', NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    JOIN environment AS e ON e.rules #>> '{checks,smoke_run,kind}' = s.kind
                         AND e.rules #>> '{checks,smoke_run,path}' = s.path
    WHERE s.kind IN ('flow', 'script') AND e.workspace = $1
    UNION ALL
    SELECT i.kind, i.path, i.extra_perms, NULL, NULL, NULL, s.kind, s.path, NULL
    FROM sought AS s
    JOIN policy AS p ON p.name = s.path AND (p.workspace = $1 OR p.workspace IS NULL)
    JOIN item AS i ON p.body ->> 'scope' IN ('instance', 'workspace') OR i.path = p.body ->> 'scope'
                   OR starts_with(i.path, p.body ->> 'scope' || '/')
    WHERE s.kind = 'policy' AND i.workspace = $1 AND NOT i.archived
)
SELECT f.kind, f.path, f.node, f.pinned, f.enabled, f.of_kind, f.of_path, f.document,
       ($5 OR f.kind IN ('error_handler', 'policy', 'environment') OR f.path LIKE ANY ($6::text[])
        OR f.extra_perms ?| $7::text[])
       AND EXISTS (SELECT FROM unnest($8::text[], $9::text[]) AS l (kind, pattern)
                   WHERE l.kind = f.kind AND f.path LIKE l.pattern) AS readable
FROM found AS f
ORDER BY readable DESC, f.kind, f.path, f.node
LIMIT $11;

-- name: count_runs
-- Runs in progress, at most $9, of the items of the kinds $2 at the paths $3, or with a job in a queue if the kind is
-- queue: by item those visible to the caller, whom $4 to $8 describe, and the others.
WITH sought AS (
    SELECT s.kind, s.path FROM unnest($2::text[], $3::text[]) AS s (kind, path)
), under_way AS (
    SELECT s.kind, s.path, r.id
    FROM sought AS s
    JOIN run_live AS r ON r.kind = s.kind AND r.path = s.path
    WHERE r.workspace = $1
    UNION
    SELECT s.kind, s.path, j.run
    FROM sought AS s
    JOIN job_live AS j ON j.queue = s.path
    WHERE s.kind = 'queue' AND j.workspace = $1
    LIMIT $9
)
SELECT r.kind, r.path, count(*) FILTER (WHERE r.shown) AS visible, count(*) FILTER (WHERE NOT r.shown) AS hidden
FROM (
    SELECT u.kind, u.path,
           coalesce($4 OR v.path LIKE ANY ($5::text[]) OR v.extra_perms ?| $6::text[] OR v.created_by = $7, false)
           AND ($8::text[] IS NULL OR coalesce(v.path LIKE ANY ($8), false)) AS shown
    FROM under_way AS u
    JOIN live_run_view AS v ON v.id = u.id
) AS r
GROUP BY r.kind, r.path;

-- name: list_documents
-- The documents of some hashes.
SELECT hash, body FROM document WHERE hash = ANY ($1::bytea[]);
