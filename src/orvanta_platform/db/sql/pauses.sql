-- name: insert_pauses
-- Inserts pauses of nodes of a run.
INSERT INTO pause (run, job, frame, node, paused_by, threw)
SELECT $1, p.job, p.frame, p.node, p.paused_by, p.threw
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[]) AS p(job, frame, node, paused_by, threw)

-- name: delete_pauses
-- Deletes the pauses of nodes of a run.
DELETE FROM pause WHERE run = $1 AND job = ANY($2::uuid[])

-- name: delete_pause
-- Deletes the pause of a node to resume it; returns no row if it was resumed before.
DELETE FROM pause WHERE run = $1 AND job = $2 RETURNING job

-- name: delete_all
-- Deletes the pauses of a run that has ended.
DELETE FROM pause WHERE run = $1

-- name: list_of_run
-- The paused nodes of a run, the longest paused first, at most $2, each with the number of its body.
SELECT p.job, p.frame, p.node, p.paused_by, p.paused_at, p.threw, f.place
FROM pause p
LEFT JOIN frame f ON f.id = p.frame
WHERE p.run = $1
ORDER BY p.paused_at, p.node, p.job LIMIT $2

-- name: find
-- The pause of the node with this id.
SELECT p.job, p.frame, p.node, p.paused_by, p.paused_at, p.threw, f.place
FROM pause p
LEFT JOIN frame f ON f.id = p.frame
WHERE p.run = $1 AND p.job = $2

-- name: find_place
-- Run and frame of the node with this id, if it is paused.
SELECT p.run, p.frame
FROM pause p
JOIN run_live r ON r.id = p.run AND r.workspace = $1
WHERE p.job = $2
