-- name: list_partitions
-- The partitions of history with their bounds, sizes on disk, and whether a detachment was interrupted.
SELECT p.relname AS parent, c.relname AS child, i.inhdetachpending AS pending, pg_total_relation_size(c.oid) AS bytes,
       substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \(''([0-9a-f-]{36})''\)')::uuid AS lower,
       substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([0-9a-f-]{36})''\)')::uuid AS upper
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
JOIN pg_class AS p ON p.oid = i.inhparent
WHERE p.relkind = 'p' AND p.relnamespace = 'public'::regnamespace
ORDER BY 5, p.relname;

-- name: list_detached
-- Partitions that were detached and not dropped.
SELECT relname AS child
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
  AND relname ~ '^(run|job|event|value|log_chunk|log_object|stream_chunk|run_text)_[0-9]{4}w[0-9]{2}$'
ORDER BY relname;

-- name: can_drop_partitions
-- Returns true if this role may detach and drop partitions.
SELECT pg_has_role(current_user, relowner, 'USAGE')
FROM pg_class
WHERE oid = 'run'::regclass;

-- name: partition_statement
-- The statement for the operation $1 (detach, finish, drop) on the partition $3 of $2, with quoted names.
SELECT format(CASE $1::text WHEN 'detach' THEN 'ALTER TABLE %I DETACH PARTITION %I CONCURRENTLY'
                            WHEN 'finish' THEN 'ALTER TABLE %I DETACH PARTITION %I FINALIZE'
                            ELSE 'DROP TABLE %2$I' END, $2::text, $3::text);

-- name: set_lock_timeout
-- Sets the lock timeout of the connection.
SELECT set_config('lock_timeout', $1, false);

-- name: get_oldest_live
-- The oldest live run.
SELECT id FROM run_live ORDER BY id LIMIT 1;

-- name: list_needed_runs
-- Ended runs before $1 whose results a live run may use: those that it restarts from, and those that they did.
WITH RECURSIVE restarted AS (
    SELECT (e.data ->> 'run')::uuid AS run
    FROM run_live AS l
    JOIN event AS e ON e.run = l.id
    WHERE e.kind = 'restart'
    UNION
    SELECT (e.data ->> 'run')::uuid
    FROM restarted AS a
    JOIN event AS e ON e.run = a.run
    WHERE e.kind = 'restart'
)
SELECT run
FROM restarted
WHERE run < $1;

-- name: record_history_start
-- Records that runs of a workspace (null: of all) started before $2 may have been deleted.
UPDATE workspace
SET history_from = $2
WHERE history_from < $2 AND ($1::text IS NULL OR id = $1);

-- name: purge_values
-- Deletes the next values in a range that reference objects; returns the objects.
DELETE FROM value AS v
USING (
    SELECT id, kind, name
    FROM value
    WHERE id >= $1 AND id < $2 AND object IS NOT NULL
    ORDER BY id LIMIT $3
) AS o
WHERE v.id = o.id AND v.kind = o.kind AND v.name = o.name
RETURNING v.id, v.object;

-- name: purge_logs
-- Deletes the next logs in a range that are stored as objects; returns the objects.
DELETE FROM log_object AS l
USING (
    SELECT job, attempt
    FROM log_object
    WHERE job >= $1 AND job < $2
    ORDER BY job LIMIT $3
) AS o
WHERE l.job = o.job AND l.attempt = o.attempt
RETURNING l.job AS id, l.object;

-- name: delete_decisions
-- Deletes the decisions of runs of a range.
DELETE FROM decision WHERE run >= $1 AND run < $2;

-- name: get_own_retentions
-- The workspaces with their own retention.
SELECT id, retention_days FROM workspace WHERE retention_days IS NOT NULL;

-- name: list_old_runs
-- The next runs of a workspace (null: of all) before $2 and after $3 that are no longer needed.
SELECT r.id
FROM run AS r
WHERE ($1::text IS NULL OR r.workspace = $1) AND r.id < $2 AND r.id > $3
  AND NOT EXISTS (SELECT FROM run_live AS l WHERE l.id = r.root) AND r.id <> ALL ($4::uuid[]) AND r.root <> ALL ($4)
ORDER BY r.id LIMIT $5;

-- name: list_ids_of_runs
-- Ids of the values and logs of these runs: runs, jobs, and openings of loops.
WITH jobs AS (SELECT id, parent FROM job WHERE run = ANY ($1::uuid[]))
SELECT unnest($1::uuid[]) AS id
UNION
SELECT id
FROM jobs
UNION
SELECT parent
FROM jobs
WHERE parent IS NOT NULL;

-- name: delete_runs
-- Deletes runs with their jobs, events, decisions and indexed words.
WITH deleted_events AS (DELETE FROM event WHERE run = ANY ($1::uuid[])),
     deleted_decisions AS (DELETE FROM decision WHERE run = ANY ($1::uuid[])),
     deleted_words AS (DELETE FROM run_text WHERE run = ANY ($1::uuid[])),
     deleted_jobs AS (DELETE FROM job WHERE run = ANY ($1::uuid[]))
DELETE FROM run
WHERE id = ANY ($1::uuid[]);

-- name: get_table_sizes
-- Disk usage of each table, including indexes and long values, and its approximate number of rows; partitions count for
-- their parent.
SELECT coalesce(p.relname, c.relname) AS name, sum(pg_total_relation_size(c.oid))::bigint AS bytes,
       sum(pg_indexes_size(c.oid))::bigint AS index_bytes, sum(greatest(c.reltuples, 0))::bigint AS rows
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
LEFT JOIN pg_class AS p ON p.oid = i.inhparent
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
GROUP BY 1
ORDER BY 2 DESC, 1;

-- name: get_workspace_sizes
-- Storage of each workspace's runs: their number, the oldest, values in the database and in objects, characters of
-- logs.
SELECT w.id, w.retention_days, w.history_from, coalesce(r.runs, 0)::bigint AS runs, r.oldest_at,
       (coalesce(r.inline, 0) + coalesce(j.inline, 0))::bigint AS value_bytes,
       (coalesce(r.outside, 0) + coalesce(j.outside, 0))::bigint AS object_bytes,
       (coalesce(r.chars, 0) + coalesce(j.chars, 0))::bigint AS log_chars
FROM workspace AS w
LEFT JOIN (
    SELECT r.workspace, count(*) AS runs, min(r.created_at) AS oldest_at, sum(r.log_chars) AS chars,
           sum(v.inline) AS inline, sum(v.outside) AS outside
    FROM run AS r
    LEFT JOIN (SELECT id, sum(length(body)) AS inline, sum(size) FILTER (WHERE object IS NOT NULL) AS outside
               FROM value
               GROUP BY id) AS v ON v.id = r.id
    GROUP BY r.workspace
) AS r ON r.workspace = w.id
LEFT JOIN (
    SELECT j.workspace, sum(j.log_chars) AS chars, sum(v.inline) AS inline, sum(v.outside) AS outside
    FROM job AS j
    LEFT JOIN (SELECT id, sum(length(body)) AS inline, sum(size) FILTER (WHERE object IS NOT NULL) AS outside
               FROM value
               GROUP BY id) AS v ON v.id = j.id
    WHERE j.id <> j.run
    GROUP BY j.workspace
) AS j ON j.workspace = w.id
ORDER BY value_bytes DESC, object_bytes DESC, w.id;
