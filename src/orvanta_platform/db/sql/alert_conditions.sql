-- name: count_group_workers
-- Workers that claim jobs, by group.
SELECT worker_group, count(*) AS workers FROM worker WHERE state = 'live' AND drained_at IS NULL GROUP BY worker_group

-- name: count_lost_workers
-- Workers that were declared lost in the last $1 seconds, by group, whether or not their jobs have been requeued.
SELECT worker_group, count(*) AS workers
FROM worker
WHERE lost_at > app_now() - make_interval(secs => $1)
GROUP BY worker_group

-- name: list_missed_schedules
-- At most $2 schedules whose tick has been due for more than $1 seconds, or whose last tick started no run; error: the
-- reason for the latter.
SELECT s.workspace, s.path, s.error
FROM schedule AS s
WHERE s.enabled AND (s.error IS NOT NULL OR s.next_at < app_now() - make_interval(secs => $1))
ORDER BY s.workspace, s.path LIMIT $2

-- name: list_expiring_tokens
-- At most $2 tokens that expire within $1 days, except those that were created for less than twice that time.
SELECT t.prefix, t.label, t.email, t.workspace, t.expires_at
FROM token AS t
WHERE t.kind = 'user' AND t.expires_at > app_now() AND t.expires_at < app_now() + make_interval(days => $1)
  AND t.expires_at > t.created_at + 2 * make_interval(days => $1)
ORDER BY t.expires_at LIMIT $2
