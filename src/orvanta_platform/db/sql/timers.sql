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
