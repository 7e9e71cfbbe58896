-- name: claim_leadership
-- The first leader of this name; no row back where there was one.
INSERT INTO leader (name, holder, term, beat) VALUES ($1, $2, 1, 0) ON CONFLICT DO NOTHING RETURNING term

-- name: observe_leader
-- What an observer looks at.
SELECT holder, term, beat FROM leader WHERE name = $1

-- name: beat_leader
-- The leader lives; no row back where its term is over.
UPDATE leader SET beat = beat + 1 WHERE name = $1 AND holder = $2 AND term = $3 RETURNING beat

-- name: take_over_leadership
-- Follow a leader whose beat stands where it was seen; no row back where it moved or somebody else was quicker.
UPDATE leader SET holder = $2, term = term + 1, beat = 0 WHERE name = $1 AND term = $3 AND beat = $4 RETURNING term

-- name: resign_leadership
-- A leader that stops says so: who looks next takes over at once.
UPDATE leader SET beat = -1 WHERE name = $1 AND holder = $2 AND term = $3
