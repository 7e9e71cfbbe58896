-- name: lock_debounce
-- Locks a key and returns its pending run; the new one if there was none.
INSERT INTO debounce AS d (key, run)
VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET at = app_now()
RETURNING run, calls, first_at, app_now() AS now

-- name: replace_debounce
-- Makes another run the pending run of a key.
UPDATE debounce SET run = $2, calls = 1, first_at = app_now() WHERE key = $1

-- name: count_call
-- Counts one more call of a key.
UPDATE debounce SET calls = calls + 1 WHERE key = $1

-- name: delay
-- Delays a run that has not started; returns no row if it has started or is cancelled.
WITH pending_run AS MATERIALIZED (
    SELECT id
    FROM run_live
    WHERE id = $1 AND cancel_at IS NULL
    FOR NO KEY UPDATE
), delayed_timer AS (
    UPDATE timer t
    SET due_at = $2
    FROM pending_run w
    WHERE t.run = w.id AND t.job = w.id AND t.kind = 'start'
    RETURNING t.run
)
UPDATE run_live r
SET scheduled_at = $2
FROM delayed_timer
WHERE r.id = delayed_timer.run
RETURNING r.id

-- name: set_args
-- Replaces the arguments of a run that has not started.
UPDATE value
SET size = $2, encoding = $3, body = $4, object = $5
WHERE id = $1 AND kind = 'args' AND name = ''

-- name: record_call
-- Records a call in the history of the run that includes it.
INSERT INTO event (run, kind, data)
VALUES ($1, 'debounced', json_build_object('call', $2::uuid, 'by', $3::text))

-- name: includes_call
-- Returns true if the run already includes this call, checked when the answer to a COMMIT was lost.
SELECT EXISTS (SELECT FROM event WHERE run = $1 AND kind = 'debounced' AND data ->> 'call' = $2::text)

-- name: delete_unused
-- Deletes keys that were not used for a day and whose runs have ended.
DELETE FROM debounce d
WHERE at < app_now() - interval '1 day' AND NOT EXISTS (SELECT FROM run_live r WHERE r.id = d.run)
