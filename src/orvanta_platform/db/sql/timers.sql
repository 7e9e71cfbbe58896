-- name: set_timer
-- Sets a timer of a run or its job; the earlier of two times applies.
INSERT INTO timer (run, job, kind, due_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (run, job, kind) DO UPDATE SET due_at = least(timer.due_at, excluded.due_at)

-- name: set_timer_in
-- Sets a timer of a run or its job in seconds from now; the earlier of two times applies.
INSERT INTO timer (run, job, kind, due_at)
VALUES ($1, $2, $3, app_now() + make_interval(secs => $4))
ON CONFLICT (run, job, kind) DO UPDATE SET due_at = least(timer.due_at, excluded.due_at)

-- name: take_due_timers
-- Deletes timers due between $1 and now, except those that another process deletes; the transaction inserts their
-- events into inboxes. Deletes by ctid: for a join by key, the planner may choose a scan of the whole table if it
-- expects few rows in it.
DELETE FROM timer
WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM timer
    WHERE due_at <= app_now() AND due_at > $1
    ORDER BY due_at LIMIT 200
    FOR NO KEY UPDATE SKIP LOCKED))
RETURNING run, job, kind

-- name: get_next_due
-- The next timer, end of a limit's window or of a debounce window after $1, and the oldest event after $2 that has been
-- pending for a second; null if there is none. Also the current time.
SELECT least((SELECT due_at FROM timer WHERE due_at > $1 ORDER BY due_at LIMIT 1),
             (SELECT due_at FROM gate WHERE due_at > $1 ORDER BY due_at LIMIT 1),
             (SELECT due_at FROM step_debounce WHERE due_at > $1 ORDER BY due_at LIMIT 1)) AS due_at,
       (SELECT created_at FROM inbox WHERE created_at > $2 AND created_at < app_now() - interval '1 second'
        ORDER BY created_at LIMIT 1) AS stale_at, app_now() AS now
