-- name: hold
-- The running attempt, which does not end until this transaction does.
SELECT id FROM job_live WHERE id = $1 AND attempt = $2 AND state = 'running' FOR NO KEY UPDATE;

-- name: note
-- What an attempt was given; no row back where the same was noted before.
INSERT INTO opening (job, attempt, kind, path, digest, sealed) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING job;

-- name: tell
-- Tells the running attempt how many openings it has.
UPDATE job_live SET openings = (SELECT count(*) FROM opening o WHERE o.job = $1 AND o.attempt = $2)
WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING openings;

-- name: count
-- How many openings an attempt has.
SELECT count(*) FROM opening WHERE job = $1 AND attempt = $2;

-- name: sealed
-- Everything an attempt was given.
SELECT sealed FROM opening WHERE job = $1 AND attempt = $2;

-- name: forget_ended
-- Drops what attempts were given that are over; an hour is time for a worker that was taken for lost.
DELETE FROM opening o WHERE o.at < app_now() - interval '1 hour'
   AND NOT EXISTS (SELECT FROM job_live j WHERE j.id = o.job AND j.attempt = o.attempt AND j.state = 'running');
