-- name: list_workspaces
-- The workspaces whose runs are indexed, each with the last run queued for it, and those without search that may have
-- indexed or queued runs.
SELECT id, search_run_data, search_past FROM workspace WHERE search_run_data OR search_past IS NOT NULL ORDER BY id

-- name: list_next_runs
-- The next runs of a workspace after $2, up to $3, live or ended, as of one moment.
SELECT id
FROM (
    (SELECT id FROM run WHERE workspace = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4)
    UNION ALL (SELECT id FROM run_live WHERE workspace = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4)) r
ORDER BY id LIMIT $4

-- name: queue_next
-- Queues runs for indexing and records progress; does nothing if another process did so first.
WITH progress AS (
    UPDATE workspace
    SET search_past = $4
    WHERE id = $1 AND search_run_data AND search_past IS NOT DISTINCT FROM $2
    RETURNING id
)
INSERT INTO search_due (run, workspace)
SELECT r.id, $1
FROM progress, unnest($3::uuid[]) AS r(id)
ON CONFLICT DO NOTHING

-- name: queue_run
-- Queues a run whose id is older than the run itself, regardless of its workspace's progress.
INSERT INTO search_due (run, workspace)
SELECT $1, id
FROM workspace
WHERE id = $2 AND search_run_data
ON CONFLICT DO NOTHING

-- name: lock_ended
-- Locks ended runs of a workspace that are queued for indexing; other processes skip them.
SELECT d.run
FROM search_due d
WHERE d.workspace = $1 AND NOT EXISTS (SELECT FROM run_live l WHERE l.id = d.run)
ORDER BY d.run LIMIT $2
FOR UPDATE OF d SKIP LOCKED

-- name: list_texts
-- Inputs and results, stored in the database, of ended runs and of their first 500 jobs, in order, up to $2 bytes. Runs
-- with a planned or completed erasure are left out.
SELECT r.run, k.node, k.kind, v.id, v.name, v.size, v.encoding, v.body, v.object
FROM unnest($1::uuid[]) AS r(run)
CROSS JOIN LATERAL (
    SELECT s.*, sum(s.size) OVER (ORDER BY s.at) - s.size AS before
    FROM (SELECT i.id, i.node, v.kind, v.name, v.size,
                 row_number() OVER (ORDER BY i.id <> r.run, i.id, v.kind, v.name) AS at
          FROM (SELECT r.run AS id, '' AS node
                UNION ALL (SELECT j.id, coalesce(j.node, '') FROM job j WHERE j.run = r.run AND j.id <> r.run
                           ORDER BY j.id LIMIT 500)) i
          JOIN value v
              ON v.id = i.id AND v.kind IN ('args', 'result') AND v.name IN ('', 'edited') AND v.object IS NULL) s
) k
JOIN value v ON v.id = k.id AND v.kind = k.kind AND v.name = k.name
WHERE k.before < $2 AND NOT EXISTS (SELECT FROM erasure e WHERE e.run = r.run)
ORDER BY r.run, k.at

-- name: get_schemas
-- The JSON Schemas of the inputs of runs that have one.
SELECT r.id AS run, coalesce(v.settings -> 'schema', v.made_schema)::text AS schema
FROM run r
JOIN version v ON v.id = r.version
WHERE r.id = ANY($1::uuid[]) AND coalesce(v.settings -> 'schema', v.made_schema) IS NOT NULL

-- name: store
-- Stores the words of runs by place; returns their sizes in bytes.
INSERT INTO run_text (workspace, run, places, words)
SELECT $1, t.run, string_to_array(t.places, E'\n'), t.words::tsvector
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS t(run, places, words)
ON CONFLICT DO NOTHING
RETURNING pg_column_size(places) + pg_column_size(words) AS bytes

-- name: remove_queued
-- Removes indexed runs from the queue.
DELETE FROM search_due WHERE run = ANY($1::uuid[])

-- name: get_sizes
-- Size of the indexed words of each workspace.
SELECT workspace, sum(pg_column_size(places) + pg_column_size(words))::bigint AS bytes
FROM run_text
GROUP BY workspace

-- name: delete_oldest
-- Deletes the words of the oldest runs of a workspace; returns the size of each in bytes.
DELETE FROM run_text
WHERE run = ANY(ARRAY(SELECT run FROM run_text WHERE workspace = $1 ORDER BY run LIMIT $2))
RETURNING pg_column_size(places) + pg_column_size(words) AS bytes

-- name: clear_queue
-- Removes all runs of a workspace from the queue.
DELETE FROM search_due WHERE workspace = $1

-- name: mark_unindexed
-- Records that nothing of a workspace is indexed any more.
UPDATE workspace SET search_past = NULL WHERE id = $1 AND NOT search_run_data

-- name: find_places
-- Places of words, and of words with these prefixes, in runs.
SELECT t.run, u.lexeme, array_agg(DISTINCT t.places[p.at]) AS places
FROM run_text t, unnest(t.words) AS u, unnest(u.positions) AS p(at)
WHERE t.run = ANY($1::uuid[]) AND (u.lexeme = ANY($2::text[]) OR u.lexeme LIKE ANY($3::text[]))
GROUP BY t.run, u.lexeme
