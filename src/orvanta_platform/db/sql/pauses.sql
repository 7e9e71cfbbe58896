-- name: open_pauses
-- Nodes of a run that are paused from now on.
INSERT INTO pause (run, job, frame, node, paused_by, threw)
SELECT $1, p.job, p.frame, p.node, p.paused_by, p.threw
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[]) AS p(job, frame, node, paused_by, threw)

-- name: close_pauses
-- Nodes of a run that are paused no longer.
DELETE FROM pause WHERE run = $1 AND job = ANY($2::uuid[])

-- name: take_pause
-- Somebody lets a node go on; no row back where another one has.
DELETE FROM pause WHERE run = $1 AND job = $2 RETURNING job

-- name: close_all_pauses
-- The run has ended.
DELETE FROM pause WHERE run = $1

-- name: pauses_of_run
-- What is paused in a run, the longest first, at most $2; each with the number of the body that it stands in.
SELECT p.job, p.frame, p.node, p.paused_by, p.paused_at, p.threw, f.place
FROM pause p LEFT JOIN frame f ON f.id = p.frame WHERE p.run = $1 ORDER BY p.paused_at, p.node, p.job LIMIT $2

-- name: pause_of
-- The node with this id, where it is paused.
SELECT p.job, p.frame, p.node, p.paused_by, p.paused_at, p.threw, f.place
FROM pause p LEFT JOIN frame f ON f.id = p.frame WHERE p.run = $1 AND p.job = $2

-- name: pause_place
-- Where the node with this id stands, if it is paused.
SELECT p.run, p.frame FROM pause p JOIN run_live r ON r.id = p.run AND r.workspace = $1 WHERE p.job = $2
