-- name: set_context
-- One value of a run's context; the newer one stands.
INSERT INTO value AS v (id, kind, name, size, encoding, body, object) VALUES ($1, 'context', $2, $3, $4, $5, $6)
ON CONFLICT (id, kind, name) DO UPDATE
    SET size = excluded.size, encoding = excluded.encoding, body = excluded.body, object = excluded.object

-- name: note_context
-- The change in the run's history.
INSERT INTO event (run, kind, node, data) VALUES ($1, 'export', $2, $3::json)

-- name: context_before
-- Of each name in a run's context the last value that counts: written by a node of $2, or, before the time $4, by one of
-- $3 or by nobody's node. stands: nothing else was written since, so the run's own value is that one.
SELECT DISTINCT ON (e.name) e.name, e.size, e.value, e.node, e.seq = e.last AS stands
FROM (
    SELECT seq, node, data ->> 'name' AS name, (data ->> 'size')::bigint AS size, data -> 'value' AS value,
           node = ANY($2::text[]) OR ((node IS NULL OR node = ANY($3::text[])) AND at < $4) AS counts,
           max(seq) OVER (PARTITION BY data ->> 'name') AS last
    FROM event WHERE run = $1 AND kind = 'export') e
WHERE e.counts ORDER BY e.name, e.seq DESC
