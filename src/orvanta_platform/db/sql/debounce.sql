-- name: lock_debounce
-- The run that stands for this key, locked; the new one where none does.
INSERT INTO debounce AS d (key, run) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET at = app_now()
RETURNING run, calls, first_at, app_now() AS now

-- name: replace_debounce
-- From now on another run stands for the key.
UPDATE debounce SET run = $2, calls = 1, first_at = app_now() WHERE key = $1

-- name: count_debounce
-- One more call for the key.
UPDATE debounce SET calls = calls + 1 WHERE key = $1

-- name: put_off
-- A run that has not begun begins later; no row where it has begun, or is cancelled.
WITH waiting AS MATERIALIZED (
    SELECT id FROM run_live WHERE id = $1 AND cancel_at IS NULL FOR NO KEY UPDATE
), timed AS (
    UPDATE timer t SET due_at = $2 FROM waiting w WHERE t.run = w.id AND t.job = w.id AND t.kind = 'start' RETURNING t.run
)
UPDATE run_live r SET scheduled_at = $2 FROM timed WHERE r.id = timed.run RETURNING r.id

-- name: replace_args
-- The arguments of a run that has not begun.
UPDATE value SET size = $2, encoding = $3, body = $4, object = $5 WHERE id = $1 AND kind = 'args' AND name = ''

-- name: note_call
-- The call in the history of the run that stands for it.
INSERT INTO event (run, kind, data) VALUES ($1, 'debounced', json_build_object('call', $2::uuid, 'by', $3::text))

-- name: call_was_taken
-- Whether this call is in the run already: asked when a COMMIT got no answer.
SELECT EXISTS (SELECT FROM event WHERE run = $1 AND kind = 'debounced' AND data ->> 'call' = $2::text)

-- name: forget_debounces
-- Keys that nobody has used for a day, whose runs are over.
DELETE FROM debounce d WHERE at < app_now() - interval '1 day' AND NOT EXISTS (SELECT FROM run_live r WHERE r.id = d.run)
