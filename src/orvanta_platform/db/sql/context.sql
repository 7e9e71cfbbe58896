-- name: set_context
-- Inserts or replaces one value of a run's context.
INSERT INTO value AS v (id, kind, name, size, encoding, body, object)
VALUES ($1, 'context', $2, $3, $4, $5, $6)
ON CONFLICT (id, kind, name) DO UPDATE
    SET size = excluded.size, encoding = excluded.encoding, body = excluded.body, object = excluded.object

-- name: insert_context_event
-- Inserts the event of the change into the run's history.
INSERT INTO event (run, kind, node, data) VALUES ($1, 'export', $2, $3::json)

-- name: get_context_before
-- For each name in the context of a run and of those it was restarted from ($1, the newest first), the last value that
-- counts. A value counts if a node of $2 exported it, or if a node of $3, or no node, wrote it up to the time $4.
-- Values that nodes of $5 exported at exactly that time do not count. `stands`: it has not been replaced since, so it
-- is the run's own value. Values copied from the preceding run have the time of their export, and count for the oldest
-- run only.
SELECT DISTINCT ON (e.name) e.run, e.name, e.size, e.value, e.node, e.written_at, e.seq = e.last AS stands
FROM (
    SELECT w.*, w.node = ANY($2::text[]) OR ((w.node IS NULL OR w.node = ANY($3::text[]))
               AND (w.written_at < $4 OR (w.written_at = $4 AND coalesce(w.node, '') <> ALL($5::text[])))) AS counts,
           max(w.seq) OVER (PARTITION BY w.run, w.name) AS last
    FROM (
        SELECT run, seq, node, data ->> 'name' AS name, (data ->> 'size')::bigint AS size, data -> 'value' AS value,
               coalesce((data ->> 'at')::timestamptz, at) AS written_at, data ->> 'at' IS NOT NULL AS brought
        FROM event
        WHERE run = ANY($1::uuid[]) AND kind = 'export') w) e
WHERE e.counts AND (NOT e.brought OR e.run = ($1::uuid[])[cardinality($1::uuid[])])
ORDER BY e.name, e.written_at DESC, e.seq DESC

-- name: has_context
-- Returns true if a run has a context.
SELECT EXISTS (SELECT FROM value WHERE id = $1 AND kind = 'context')
