-- name: set_node_timers
-- Sets timers of nodes of a run, in seconds from now or at a time.
INSERT INTO timer (run, job, kind, due_at)
SELECT $1, t.job, t.kind, coalesce(t.at, app_now() + make_interval(secs => t.seconds))
FROM unnest($2::uuid[], $3::text[], $4::double precision[], $5::timestamptz[]) AS t(job, kind, seconds, at)
ON CONFLICT (run, job, kind) DO UPDATE SET due_at = excluded.due_at

-- name: delete_node_timers
-- Deletes timers of nodes of a run.
DELETE FROM timer t
USING unnest($2::uuid[], $3::text[]) AS d(job, kind)
WHERE t.run = $1 AND t.job = d.job AND t.kind = d.kind

-- name: get_node_timers
-- Due times of the nodes of a run that wait without a job.
SELECT job, due_at
FROM timer
WHERE run = $1 AND kind IN ('wait', 'deadline', 'retry')
UNION ALL
SELECT job, due_at
FROM step_debounce
WHERE run = $1
