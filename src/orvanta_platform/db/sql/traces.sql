-- name: list_runs
-- Ended runs for their traces, with the context that their callers sent.
SELECT r.id, r.root, r.parent, r.workspace, r.kind, r.path, r.trigger, r.status, r.error_name,
       greatest(r.created_at, least(r.scheduled_at, r.started_at)) AS started_at, r.ended_at, r.attempts,
       convert_from(v.body, 'UTF8') AS caller
FROM run r
LEFT JOIN value v ON v.id = r.id AND v.kind = 'args' AND v.name = $2 AND v.encoding = 0
WHERE r.id = ANY($1::uuid[])

-- name: list_deciders
-- Contexts of the calls that made decisions of ended runs, by node.
SELECT job, traceparent
FROM decision
WHERE run = ANY($1::uuid[]) AND traceparent IS NOT NULL
ORDER BY seq

-- name: list_nodes
-- Nodes without a job, bodies, and jobs with attempts that no worker could record, of ended runs.
SELECT id, run, node, kind, state, error_name, queue, attempt, failures, started_at, ended_at, attempts, parent, place
FROM job
WHERE run = ANY($1::uuid[])
  AND (queue IS NULL OR place IS NOT NULL OR attempts::text LIKE '%"reason"%' OR error_name = 'worker_lost')
ORDER BY run, ended_at DESC
LIMIT $2
