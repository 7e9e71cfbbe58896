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
-- At most $2 schedules of each workspace whose tick has been due for more than $1 seconds, or whose last tick started
-- no run; error: the reason for the latter.
SELECT m.workspace, m.path, m.error
FROM (SELECT s.workspace, s.path, s.error, row_number() OVER (PARTITION BY s.workspace ORDER BY s.path) AS n
      FROM schedule AS s
      WHERE s.enabled AND (s.error IS NOT NULL OR s.next_at < app_now() - make_interval(secs => $1))) m
WHERE m.n <= $2
ORDER BY m.n, m.workspace

-- name: list_expiring_tokens
-- At most $2 tokens of each account that expire within $1 days, the first to expire, except those that were created for
-- less than twice that time.
SELECT e.prefix, e.label, e.email, e.workspace, e.expires_at
FROM (SELECT t.prefix, t.label, t.email, t.workspace, t.expires_at,
             row_number() OVER (PARTITION BY t.email ORDER BY t.expires_at, t.prefix) AS n
      FROM token AS t
      WHERE t.kind = 'user' AND t.expires_at > app_now() AND t.expires_at < app_now() + make_interval(days => $1)
        AND t.expires_at > t.created_at + 2 * make_interval(days => $1)) e
WHERE e.n <= $2
ORDER BY e.n, e.expires_at
