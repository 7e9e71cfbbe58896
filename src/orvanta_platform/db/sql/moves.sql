-- name: list_referring_versions
-- Versions of items that refer to one of the paths $3 of the kinds $2, from the current version of their item on, with
-- their documents and the nodes that refer to it. `newest`: the newest open version of the item.
SELECT i.kind, i.path, i.created_by, i.extra_perms, v.id AS version,
       ARRAY(SELECT DISTINCT u.node
             FROM unnest($2::text[], $3::text[]) AS m (kind, path)
             JOIN version_use AS u ON u.version = v.id AND u.kind = m.kind AND u.path = m.path
             ORDER BY u.node) AS nodes,
       v.format, d.body, v.defaults::text AS defaults, v.id = i.version AS current,
       v.id = (SELECT max(n.id)
               FROM version AS n
               WHERE n.workspace = i.workspace AND n.kind = i.kind AND n.path = i.path AND NOT n.archived) AS newest
FROM item AS i
JOIN version AS v ON v.workspace = i.workspace AND v.kind = i.kind AND v.path = i.path AND v.id >= i.version
JOIN document AS d ON d.hash = v.document
WHERE i.workspace = $1 AND NOT i.deleted AND NOT v.archived
  AND v.id IN (SELECT u.version
               FROM unnest($2::text[], $3::text[]) AS m (kind, path)
               JOIN version_use AS u ON u.workspace = $1 AND u.kind = m.kind AND u.path = m.path)
ORDER BY i.kind, i.path, v.id
LIMIT $4;

-- name: list_earlier_versions
-- Items of which the runs of some member use an earlier version that refers to one of the paths.
SELECT DISTINCT i.kind, i.path, i.created_by, i.extra_perms
FROM unnest($2::text[], $3::text[]) AS m (kind, path)
JOIN version_use AS u ON u.workspace = $1 AND u.kind = m.kind AND u.path = m.path
JOIN version AS v ON v.id = u.version AND v.kind = 'flow'
JOIN item AS i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
JOIN acceptance AS a ON a.version = v.id
WHERE NOT i.archived AND v.id < i.version
  AND accepted_version(v.workspace, v.kind, v.path, a.permissioned_as) = v.id
ORDER BY i.kind, i.path
LIMIT $4;

-- name: list_triggers
-- Schedules, HTTP triggers and the error handler that run one of the paths.
WITH moved AS (
    SELECT m.kind, m.path, m.kind || '/' || m.path AS name FROM unnest($2::text[], $3::text[]) AS m (kind, path)
)
SELECT 'schedule' AS kind, s.path, s.created_by, s.extra_perms
FROM schedule AS s
WHERE s.workspace = $1
  AND EXISTS (SELECT FROM moved AS m
              WHERE (m.path = s.script_path AND (m.kind = 'flow') = s.is_flow)
                 OR m.name IN (s.dynamic_skip, s.on_failure, s.on_recovery, s.on_success))
UNION ALL
SELECT 'http_trigger', t.path, t.created_by, t.extra_perms
FROM http_trigger AS t
JOIN moved AS m ON m.path = t.script_path AND (m.kind = 'flow') = t.is_flow
WHERE t.workspace = $1
UNION ALL
SELECT 'error_handler', h.path, '', '{}'::jsonb
FROM error_handler AS h
JOIN moved AS m ON m.path = h.path AND (m.kind = 'flow') = h.is_flow
WHERE h.workspace = $1
ORDER BY 1, 2
LIMIT $4;

-- name: list_targets
-- The paths that the items of the kinds $2 have now, which were at the paths $3 when they were moved, as far as the
-- audit trail has their moves. From a path that is sought, its last move counts; from each path after it, the first one
-- since the item is there. Items that were deleted after their move, and further items at their path, are left out.
WITH RECURSIVE step AS (
    SELECT s.kind, s.path AS origin, a.id AS audit, a.path, 1 AS n
    FROM unnest($2::text[], $3::text[]) AS s (kind, path)
    CROSS JOIN LATERAL (
        SELECT m.id,
               coalesce(m.parameters ->> 'to',
                        (SELECT e ->> 'to'
                         FROM jsonb_array_elements(m.parameters -> 'moved') AS e
                         WHERE e ->> 'kind' = s.kind AND e ->> 'path' = s.path)) AS path
        FROM audit AS m
        WHERE m.workspace = $1 AND m.operation COLLATE "C" = s.kind || 's.move' AND m.resource COLLATE "C" = s.path
        ORDER BY m.id DESC
        LIMIT 1
    ) AS a
    WHERE NOT EXISTS (SELECT FROM audit AS d
                      WHERE d.workspace = $1 AND d.operation COLLATE "C" = s.kind || 's.delete'
                        AND d.resource COLLATE "C" = s.path AND d.id > a.id)
    UNION ALL
    SELECT p.kind, p.origin, a.id, a.path, p.n + 1
    FROM step AS p
    CROSS JOIN LATERAL (
        SELECT m.id,
               coalesce(m.parameters ->> 'to',
                        (SELECT e ->> 'to'
                         FROM jsonb_array_elements(m.parameters -> 'moved') AS e
                         WHERE e ->> 'kind' = p.kind AND e ->> 'path' = p.path)) AS path
        FROM audit AS m
        WHERE m.workspace = $1 AND m.operation COLLATE "C" = p.kind || 's.move' AND m.resource COLLATE "C" = p.path
          AND m.id > p.audit
        ORDER BY m.id
        LIMIT 1
    ) AS a
    WHERE p.n < 11
      AND NOT EXISTS (SELECT FROM audit AS d
                      WHERE d.workspace = $1 AND d.operation COLLATE "C" = p.kind || 's.delete'
                        AND d.resource COLLATE "C" = p.path AND d.id > p.audit AND d.id < a.id)
), last AS (
    SELECT DISTINCT ON (p.kind, p.origin) p.kind, p.origin, p.audit, p.path, p.n
    FROM step AS p
    ORDER BY p.kind, p.origin, p.n DESC
)
SELECT l.kind, l.origin, i.path, i.created_by, i.extra_perms
FROM last AS l
JOIN item AS i ON i.workspace = $1 AND i.kind = l.kind AND i.path = l.path
WHERE l.n < 11 AND NOT i.archived AND NOT i.deleted
  AND NOT EXISTS (SELECT FROM audit AS d
                  WHERE d.workspace = $1 AND d.operation COLLATE "C" = l.kind || 's.delete'
                    AND d.resource COLLATE "C" = l.path AND d.id > l.audit)
ORDER BY l.kind, l.origin;

-- name: lock_items
-- The items at some paths, which are locked until the transaction ends.
SELECT i.kind, i.path, i.created_by, i.extra_perms
FROM item AS i
JOIN unnest($2::text[], $3::text[]) AS m (kind, path) ON i.kind = m.kind AND i.path = m.path
WHERE i.workspace = $1 AND NOT i.deleted
ORDER BY i.kind, i.path
FOR UPDATE OF i;

-- name: list_reused_targets
-- The new paths that other items had, which were deleted or moved away.
SELECT m.kind, m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE EXISTS (SELECT FROM item AS i WHERE i.workspace = $1 AND i.kind = m.kind AND i.path = m.target)
   OR EXISTS (SELECT FROM moved_item AS f
              WHERE f.workspace = $1 AND f.kind = m.kind AND f.path = m.target AND f.target <> m.path)
ORDER BY m.kind, m.target;

-- name: insert_documents
-- Stores documents by their hashes.
INSERT INTO document (hash, body)
SELECT * FROM unnest($1::bytea[], $2::bytea[])
ON CONFLICT DO NOTHING;

-- name: rewrite_versions
-- Adds to each of the items of the versions $1 a version with another document, which becomes current and is accepted
-- for the same members. $6 to $10: the items that nodes of the new versions run. $11: the documents that their runs
-- use. What their code imports does not change.
WITH rewritten AS (
    SELECT *
    FROM unnest($1::bigint[], $2::bytea[], $3::text[], $11::bytea[]) AS r (version, document, hash, run_document)
), added AS (
    INSERT INTO version (workspace, kind, path, number, hash, content_hash, document, format, language, settings,
                         parent, author, message, lock_state, lock, lock_error, lock_job, made_schema, permissioned_as,
                         imports, defaults, run_settings, run_document)
    SELECT v.workspace, v.kind, v.path,
           (SELECT max(n.number) + 1
            FROM version AS n
            WHERE n.workspace = v.workspace AND n.kind = v.kind AND n.path = v.path),
           r.hash, r.hash, r.document, v.format, v.language, v.settings, v.hash, $4, $5, v.lock_state, v.lock,
           v.lock_error, v.lock_job, v.made_schema, v.permissioned_as, v.imports, v.defaults,
           v.run_settings, r.run_document
    FROM rewritten AS r
    JOIN version AS v ON v.id = r.version
    RETURNING id, workspace, kind, path
), pairs AS (
    SELECT a.id, a.workspace, a.kind, a.path, v.id AS before
    FROM added AS a
    JOIN version AS v ON v.workspace = a.workspace AND v.kind = a.kind AND v.path = a.path AND v.id = ANY ($1)
), accepted AS (
    INSERT INTO acceptance (workspace, kind, path, permissioned_as, version, accepted_by)
    SELECT a.workspace, a.kind, a.path, a.permissioned_as, p.id, a.accepted_by
    FROM pairs AS p
    JOIN acceptance AS a ON a.version = p.before
), referring AS (
    SELECT * FROM unnest($6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[])
        AS u (version, node, kind, path, pinned)
), used AS (
    INSERT INTO version_use (version, workspace, node, kind, path, pinned)
    SELECT p.id, p.workspace, u.node, u.kind, u.path, u.pinned
    FROM pairs AS p
    JOIN referring AS u ON u.version = p.before
    UNION ALL
    SELECT p.id, p.workspace, u.node, u.kind, u.path, u.pinned
    FROM pairs AS p
    JOIN version_use AS u ON u.version = p.before
    WHERE NOT EXISTS (SELECT FROM referring AS r WHERE r.version = p.before AND r.node = u.node)
)
UPDATE item AS i
SET version = p.id, edited_by = $4, edited_at = app_now()
FROM pairs AS p
WHERE i.workspace = p.workspace AND i.kind = p.kind AND i.path = p.path;

-- name: insert_moved_items
-- Creates the items at their new paths, and returns these; a path that is in use is left out.
INSERT INTO item AS t (workspace, kind, path, version, archived, extra_perms, created_by, created_at, edited_by)
SELECT i.workspace, i.kind, m.target, i.version, i.archived, i.extra_perms, i.created_by, i.created_at, $5
FROM item AS i
JOIN unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target) ON m.kind = i.kind AND m.path = i.path
WHERE i.workspace = $1 AND NOT i.deleted
ON CONFLICT (workspace, kind, path) DO UPDATE
SET version = EXCLUDED.version, archived = EXCLUDED.archived, deleted = false, extra_perms = EXCLUDED.extra_perms,
    created_by = EXCLUDED.created_by, created_at = EXCLUDED.created_at, edited_by = EXCLUDED.edited_by,
    edited_at = app_now()
WHERE t.deleted
RETURNING t.kind, t.path;

-- name: move_versions
-- Moves the versions of items, and numbers them after those that were deleted at the new path.
UPDATE version AS v
SET path = m.target,
    number = v.number + coalesce((SELECT max(n.number) FROM version AS n
                                  WHERE n.workspace = v.workspace AND n.kind = v.kind AND n.path = m.target), 0)
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE v.workspace = $1 AND v.kind = m.kind AND v.path = m.path;

-- name: move_acceptances
-- Moves the acceptances of the versions.
UPDATE acceptance AS a
SET path = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE a.workspace = $1 AND a.kind = m.kind AND a.path = m.path;

-- name: move_drafts
-- Moves the drafts of all members, except those of members who have another draft at the new path.
UPDATE draft AS d
SET path = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE d.workspace = $1 AND d.kind = m.kind AND d.path = m.path
  AND NOT EXISTS (SELECT FROM draft AS o
                  WHERE o.workspace = d.workspace AND o.kind = d.kind AND o.path = m.target AND o.owner = d.owner);

-- name: move_favourites
-- Moves the marks of favourites.
UPDATE favourite AS f
SET path = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE f.workspace = $1 AND f.kind = m.kind AND f.path = m.path
  AND NOT EXISTS (SELECT FROM favourite AS o
                  WHERE o.workspace = f.workspace AND o.username = f.username AND o.kind = f.kind
                    AND o.path = m.target);

-- name: move_saved_inputs
-- Moves the saved inputs. The items at the new paths must exist.
UPDATE saved_input AS s
SET path = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE s.workspace = $1 AND s.kind = m.kind AND s.path = m.path;

-- name: delete_captures
-- Deletes the captured requests of items that move, with their configs.
DELETE FROM capture_config AS c
USING unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE c.workspace = $1 AND c.kind = m.kind AND c.path = m.path;

-- name: delete_awaited_tests
-- Deletes the tests that were stored at the new paths of workflows before one existed there.
DELETE FROM workflow_test AS t
USING unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE t.workspace = $1 AND m.kind = 'flow' AND t.path = m.target;

-- name: move_tests
-- Moves the tests of workflows. There are none at a new path.
UPDATE workflow_test AS t
SET path = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE t.workspace = $1 AND m.kind = 'flow' AND t.path = m.path;

-- name: delete_moved_items
-- Deletes the items at their former paths, whose versions were moved.
DELETE FROM item AS i
USING unnest($2::text[], $3::text[]) AS m (kind, path)
WHERE i.workspace = $1 AND i.kind = m.kind AND i.path = m.path;

-- name: forward_former_paths
-- Redirects the former paths of the moved items to their new paths.
UPDATE moved_item AS f
SET target = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE f.workspace = $1 AND f.kind = m.kind AND f.target = m.path AND f.path <> m.target
  AND NOT EXISTS (SELECT FROM moved_item AS o
                  WHERE o.workspace = f.workspace AND o.kind = f.kind AND o.path = f.path AND o.target = m.target);

-- name: insert_former_paths
-- Records the former paths of the moved items.
INSERT INTO moved_item (workspace, kind, path, target)
SELECT $1, m.kind, m.path, m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
ON CONFLICT DO NOTHING;

-- name: move_targets_of_schedules
-- Replaces the paths that some schedules run.
WITH moved AS (
    SELECT m.kind, m.path, m.target, m.kind || '/' || m.path AS name, m.kind || '/' || m.target AS new_name
    FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
)
UPDATE schedule AS s
SET script_path = coalesce((SELECT m.target FROM moved AS m
                            WHERE m.path = s.script_path AND (m.kind = 'flow') = s.is_flow), s.script_path),
    dynamic_skip = coalesce((SELECT m.new_name FROM moved AS m WHERE m.name = s.dynamic_skip), s.dynamic_skip),
    on_failure = coalesce((SELECT m.new_name FROM moved AS m WHERE m.name = s.on_failure), s.on_failure),
    on_recovery = coalesce((SELECT m.new_name FROM moved AS m WHERE m.name = s.on_recovery), s.on_recovery),
    on_success = coalesce((SELECT m.new_name FROM moved AS m WHERE m.name = s.on_success), s.on_success)
WHERE s.workspace = $1 AND s.path = ANY ($5::text[]);

-- name: move_targets_of_http_triggers
-- Replaces the paths that some HTTP triggers run.
UPDATE http_trigger AS t
SET script_path = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE t.workspace = $1 AND t.path = ANY ($5::text[]) AND t.script_path = m.path AND t.is_flow = (m.kind = 'flow');

-- name: move_target_of_error_handler
-- Replaces the path of the error handler of the workspace.
UPDATE error_handler AS h
SET path = m.target
FROM unnest($2::text[], $3::text[], $4::text[]) AS m (kind, path, target)
WHERE h.workspace = $1 AND h.path = m.path AND h.is_flow = (m.kind = 'flow');

-- name: get_target
-- The current path of the item that was last moved away from a path.
SELECT f.target
FROM moved_item AS f
JOIN item AS i ON i.workspace = f.workspace AND i.kind = f.kind AND i.path = f.target AND NOT i.deleted
WHERE f.workspace = $1 AND f.kind = $2 AND f.path = $3
ORDER BY f.moved_at DESC LIMIT 1;

-- name: list_former_paths
-- The former paths of a kind at which there is no item now, with the current paths of the items.
SELECT f.path, f.target
FROM moved_item AS f
WHERE f.workspace = $1 AND f.kind = $2
  AND NOT EXISTS (SELECT FROM item AS i
                  WHERE i.workspace = f.workspace AND i.kind = f.kind AND i.path = f.path AND NOT i.deleted)
ORDER BY f.moved_at;
