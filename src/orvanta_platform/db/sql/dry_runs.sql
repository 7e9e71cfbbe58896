-- name: list_simulated
-- Executions that a dry run answered for, and those of its sub-workflows, in order: $2 is the kind of their events, $3
-- the event after which the page starts, $4 the maximum number of rows.
WITH RECURSIVE runs AS (
    SELECT $1::uuid AS id, 0 AS depth
    UNION
    SELECT c.id, r.depth + 1
    FROM runs r
    CROSS JOIN LATERAL (
        SELECT id FROM run_live WHERE parent = r.id AND trigger = 'flow'
        UNION ALL
        SELECT id FROM run WHERE parent = r.id AND trigger = 'flow'
    ) AS c
    WHERE r.depth < 32
)
SELECT e.seq, e.run, e.node, e.data::text AS data, v.path, v.created_by
FROM runs r
JOIN event e ON e.run = r.id AND e.kind = $2 AND e.seq > $3
CROSS JOIN LATERAL (
    SELECT path, created_by FROM run_live WHERE id = r.id
    UNION ALL
    SELECT path, created_by FROM run WHERE id = r.id
    LIMIT 1
) AS v
ORDER BY e.seq
LIMIT $4
