-- name: add
-- What people are to be told; nothing where it stands already.
INSERT INTO notice (id, run, job, workspace, channel, resource)
SELECT n.id, $1, n.job, $2, n.channel, n.resource
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[]) AS n(id, job, channel, resource)
ON CONFLICT DO NOTHING

-- name: take
-- Up to $1 notices that are due, of open approvals. Nobody else gets them before their next time, which comes later each time.
UPDATE notice n
SET tries = n.tries + 1, due_at = app_now() + make_interval(secs => least(3600, 15 * 2 ^ n.tries))
FROM approval a, (SELECT id FROM notice WHERE due_at <= app_now() ORDER BY due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED) due
WHERE n.id = due.id AND a.run = n.run AND a.job = n.job
RETURNING n.id, n.run, n.job, n.workspace, n.channel, n.resource, n.tries, a.node, a.message

-- name: drop
-- It was sent, or is given up; what became of it stands in the run's history.
WITH gone AS (DELETE FROM notice WHERE id = $1 RETURNING run)
INSERT INTO event (run, kind, node, data) SELECT run, $2, $3, $4::json FROM gone
