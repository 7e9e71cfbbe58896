-- name: find_cached
-- The cached result of this key, if it is not older than $3 seconds.
SELECT run, job
FROM cache
WHERE key = $1 AND workspace = $2 AND at > app_now() - make_interval(secs => $3) AND expires_at > app_now()

-- name: store_cached
-- Caches a result under its key, replacing an earlier one.
INSERT INTO cache (key, workspace, run, job, expires_at)
VALUES ($1, $2, $3, $4, app_now() + make_interval(secs => $5))
ON CONFLICT (key) DO UPDATE SET run = excluded.run, job = excluded.job, at = app_now(), expires_at = excluded.expires_at

-- name: delete_expired
-- Deletes expired results.
DELETE FROM cache WHERE expires_at < app_now()
