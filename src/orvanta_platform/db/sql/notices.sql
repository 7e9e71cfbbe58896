-- name: insert
-- Inserts notifications; existing ones are skipped.
INSERT INTO notice (id, run, job, workspace, channel, resource)
SELECT n.id, $1, n.job, $2, n.channel, n.resource
FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[]) AS n(id, job, channel, resource)
ON CONFLICT DO NOTHING

-- name: claim_due
-- Claims up to $1 due notifications of open approvals, with an increasing delay before the next attempt.
UPDATE notice n
SET tries = n.tries + 1, due_at = app_now() + make_interval(secs => least(3600, 15 * 2 ^ n.tries))
FROM approval a,
(SELECT id FROM notice WHERE due_at <= app_now() ORDER BY due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED) due
WHERE n.id = due.id AND a.run = n.run AND a.job = n.job
RETURNING n.id, n.run, n.job, n.workspace, n.channel, n.resource, n.tries, a.node, a.message

-- name: delete
-- Deletes a notification that was sent or abandoned, and records the outcome in the run's history.
WITH deleted_notice AS (DELETE FROM notice WHERE id = $1 RETURNING run)
INSERT INTO event (run, kind, node, data)
SELECT run, $2, $3, $4::json
FROM deleted_notice
