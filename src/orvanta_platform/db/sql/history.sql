-- name: list_lines
-- History of a run, in order, after the position ($4 time, $5 rank, $6 id), at most $7 lines: its events, decisions,
-- and attempts of its jobs. $2: include the jobs of inner nodes. $3: the run has nodes. At one moment, ends of jobs
-- precede events, nodes that need no job, starts, and the end of the run.
WITH jobs AS (
    SELECT id, node, node_index, kind, queue IS NOT NULL AS queued, enqueued_at, started_at, ended_at, state, attempt,
           attempts, worker, error_name, place
    FROM job
    WHERE run = $1 AND ($2 OR parent IS NULL) AND ended_at >= $4
      AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
      AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    UNION ALL
    SELECT id, node, node_index, kind, true, enqueued_at, claimed_at, NULL, state, attempt, attempts, worker, NULL,
           place
    FROM job_live
    WHERE run = $1 AND ($2 OR frame IS NULL)
    UNION ALL
    SELECT id, NULL, node_index, 'holder', false, NULL, begun_at, NULL, 'running', 0, '[]', NULL, NULL, NULL
    FROM counter
    WHERE run = $1 AND ($2 OR frame IS NULL)
    UNION ALL
    SELECT id, NULL, 0, kind, true, created_at, started_at, ended_at, status, attempt, attempts, worker, error_name,
           NULL
    FROM run
    WHERE id = $1 AND NOT $3
), earlier_attempts AS (
    SELECT w.id, w.node, w.node_index, w.place, a.attempt, a.worker,
           greatest(a.started_at, w.enqueued_at) AS started_at, a.ended_at, a.reason, a.error
    FROM jobs w
    CROSS JOIN LATERAL json_to_recordset(w.attempts)
        AS a(attempt integer, worker uuid, started_at timestamptz, ended_at timestamptz, reason text, error text)
), history_lines AS (
    SELECT 'e' || lpad(seq::text, 19, '0') AS id, at, CASE kind WHEN 'run_ended' THEN 4 ELSE 1 END AS rank, kind, node,
           NULL::integer AS node_index, NULL::uuid AS job, NULL::integer AS attempt, NULL::integer AS place,
           NULL::uuid AS worker, NULL::text AS state, NULL::text AS error_name, data::text AS data
    FROM event
    WHERE run = $1 AND at >= $4
    UNION ALL
    SELECT 'd' || lpad(seq::text, 19, '0'), at, 1, 'decision', NULL, NULL, job, NULL, NULL, NULL,
           CASE WHEN approved THEN 'approved' ELSE 'rejected' END, NULL,
           json_build_object('by', approver, 'member', member, 'reason', reason)::text
    FROM decision
    WHERE run = $1
    UNION ALL
    SELECT 'q' || id, enqueued_at, 2, 'queued', node, node_index, id, NULL, place, NULL, NULL, NULL, NULL
    FROM jobs
    WHERE queued
    UNION ALL
    SELECT 's' || id || '.' || attempt, started_at, 3, 'started', node, node_index, id, nullif(attempt, 0), place,
           worker, NULL, NULL, NULL
    FROM jobs
    WHERE started_at IS NOT NULL AND kind NOT IN ('frame', 'approval')
      AND (queued OR started_at IS DISTINCT FROM ended_at)
    UNION ALL
    SELECT 's' || id || '.' || attempt, started_at, 3, 'started', node, node_index, id, attempt, place, worker, NULL,
           NULL, NULL
    FROM earlier_attempts
    WHERE started_at IS NOT NULL
    UNION ALL
    SELECT 'a' || id || '.' || attempt, ended_at, 0, 'attempt_ended', node, node_index, id, attempt, place, worker,
           reason, error, NULL
    FROM earlier_attempts
    UNION ALL
    SELECT 'z' || id, ended_at, CASE WHEN kind = 'frame' THEN 3 WHEN queued THEN 0 ELSE 2 END,
           CASE kind WHEN 'frame' THEN 'body_ended' ELSE 'ended' END, node, node_index, id, nullif(attempt, 0), place,
           worker, state, error_name, NULL
    FROM jobs
    WHERE ended_at IS NOT NULL
)
SELECT l.id, l.at, l.rank, l.kind, l.node, l.node_index, l.job, l.attempt, l.place, w.name AS worker, l.state,
       l.error_name, l.data
FROM history_lines l
LEFT JOIN worker w ON w.id = l.worker
WHERE (l.at, l.rank, l.id COLLATE "C") > ($4::timestamptz, $5::integer, $6::text COLLATE "C")
ORDER BY l.at, l.rank, l.id COLLATE "C" LIMIT $7
