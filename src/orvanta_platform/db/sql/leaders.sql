-- name: claim_leadership
-- Inserts the first leader of this name; returns no row if there was one.
INSERT INTO leader (name, holder, term, beat)
VALUES ($1, $2, 1, 0)
ON CONFLICT DO NOTHING
RETURNING term

-- name: observe_leader
-- The current leader, for observers.
SELECT holder, term, beat FROM leader WHERE name = $1

-- name: beat_leader
-- Records a heartbeat of the leader; returns no row if its term has ended. The commit is asynchronous: if the database
-- crashes, observers see a smaller number, which is a change like any other.
UPDATE leader
SET beat = beat + 1
WHERE name = $1 AND holder = $2 AND term = $3 AND set_config('synchronous_commit', 'off', true) = 'off'
RETURNING beat

-- name: take_over_leadership
-- Takes over from a leader whose heartbeat is unchanged; returns no row if it has changed.
UPDATE leader
SET holder = $2, term = term + 1, beat = 0
WHERE name = $1 AND term = $3 AND beat = $4
RETURNING term

-- name: resign_leadership
-- Records that the leader has stopped, so that the next observer takes over immediately.
UPDATE leader SET beat = -1 WHERE name = $1 AND holder = $2 AND term = $3
