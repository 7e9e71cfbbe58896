-- name: lock_attempt
-- Locks the running attempt, so that it cannot end before this transaction.
SELECT id
FROM job_live
WHERE id = $1 AND attempt = $2 AND state = 'running'
FOR NO KEY UPDATE;

-- name: record
-- Records a secret opened for an attempt; returns no row if it was recorded before.
INSERT INTO opening (job, attempt, kind, path, digest, sealed)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING job;

-- name: update_count
-- Updates the number of openings in the row of the running attempt.
UPDATE job_live
SET openings = (SELECT count(*) FROM opening o WHERE o.job = $1 AND o.attempt = $2)
WHERE id = $1 AND attempt = $2 AND state = 'running'
RETURNING openings;

-- name: count
-- Number of openings of an attempt.
SELECT count(*) FROM opening WHERE job = $1 AND attempt = $2;

-- name: list_sealed
-- All openings of an attempt.
SELECT sealed FROM opening WHERE job = $1 AND attempt = $2;

-- name: delete_ended
-- Deletes openings of ended attempts; an hour leaves time for a worker that was considered lost.
DELETE FROM opening o
WHERE o.at < app_now() - interval '1 hour'
   AND NOT EXISTS (SELECT FROM job_live j WHERE j.id = o.job AND j.attempt = o.attempt AND j.state = 'running');
