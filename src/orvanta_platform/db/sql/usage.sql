-- name: get_last_hour
-- The last recorded hour.
SELECT max(at) FROM usage_rollup WHERE width_s = 3600 AND dimension = 'workspace'

-- name: record_hour
-- Records the hour from $1 to $2: ended runs without sub-workflows, and the run time of ended jobs, of each workspace,
-- script or workflow, and member for whom they ran. A row of each workspace shows that the hour was recorded. Recording
-- an hour again replaces it.
WITH jobs AS (
    SELECT run, sum(extract(epoch FROM ended_at - started_at))::double precision AS job_s
    FROM job
    WHERE ended_at >= $1 AND ended_at < $2 AND worker IS NOT NULL AND started_at IS NOT NULL
    GROUP BY run
), ended AS (
    SELECT workspace, kind, path, permissioned_as, (parent IS NULL)::integer AS runs,
           (parent IS NULL AND status = 'failed')::integer AS failed,
           CASE WHEN worker IS NOT NULL THEN coalesce(extract(epoch FROM ended_at - started_at), 0) ELSE 0 END AS job_s
    FROM run
    WHERE ended_at >= $1 AND ended_at < $2
    UNION ALL
    SELECT r.workspace, r.kind, r.path, r.permissioned_as, 0, 0, j.job_s
    FROM jobs AS j
    CROSS JOIN LATERAL (
        SELECT workspace, kind, path, permissioned_as FROM run WHERE id = j.run
        UNION ALL
        SELECT workspace, kind, path, permissioned_as FROM run_live WHERE id = j.run
        LIMIT 1  -- otherwise, the planner may join with the whole history
    ) AS r
), figures AS (
    SELECT workspace, CASE WHEN kind IN ('script', 'flow') THEN kind || '/' || path END AS item,
           permissioned_as AS member, runs, failed, job_s
    FROM ended
), files AS (
    SELECT workspace, sum(size)::bigint AS bytes FROM file GROUP BY workspace
)
INSERT INTO usage_rollup (workspace, width_s, dimension, at, name, runs, failed, job_s, file_bytes)
SELECT w.id, 3600, 'workspace', $1::timestamptz, '', coalesce(sum(f.runs), 0), coalesce(sum(f.failed), 0),
       coalesce(sum(f.job_s), 0), coalesce(max(s.bytes), 0)
FROM workspace AS w
LEFT JOIN figures AS f ON f.workspace = w.id
LEFT JOIN files AS s ON s.workspace = w.id
GROUP BY w.id
UNION ALL
SELECT f.workspace, 3600, 'item', $1, coalesce(f.item, ''), sum(f.runs), sum(f.failed), sum(f.job_s), NULL
FROM figures AS f
JOIN workspace AS w ON w.id = f.workspace
GROUP BY f.workspace, coalesce(f.item, '')
UNION ALL
SELECT f.workspace, 3600, 'member', $1, f.member, sum(f.runs), sum(f.failed), sum(f.job_s), NULL
FROM figures AS f
JOIN workspace AS w ON w.id = f.workspace
GROUP BY f.workspace, f.member
ON CONFLICT (workspace, width_s, dimension, at, name) DO UPDATE
SET runs = excluded.runs, failed = excluded.failed, job_s = excluded.job_s, file_bytes = excluded.file_bytes

-- name: record_days
-- Records the days from $1 to $2 from their hours.
INSERT INTO usage_rollup (workspace, width_s, dimension, at, name, runs, failed, job_s, file_bytes)
SELECT workspace, 86400, dimension, date_bin('1 day', at, 'epoch'), name, sum(runs), sum(failed), sum(job_s),
       (array_agg(file_bytes ORDER BY at DESC))[1]
FROM usage_rollup
WHERE width_s = 3600 AND at >= $1 AND at < $2
GROUP BY workspace, dimension, date_bin('1 day', at, 'epoch'), name
ON CONFLICT (workspace, width_s, dimension, at, name) DO UPDATE
SET runs = excluded.runs, failed = excluded.failed, job_s = excluded.job_s, file_bytes = excluded.file_bytes

-- name: delete_old
-- Deletes hours before $1 and days before $2.
DELETE FROM usage_rollup WHERE (width_s = 3600 AND at < $1) OR (width_s = 86400 AND at < $2)

-- name: list_days
-- The days of a workspace since $2.
SELECT at, runs, failed, job_s, coalesce(file_bytes, 0) AS file_bytes
FROM usage_rollup
WHERE workspace = $1 AND width_s = 86400 AND dimension = 'workspace' AND at >= $2
ORDER BY at

-- name: delete_rankings
-- Deletes the rankings of the last $1 days.
DELETE FROM usage_ranking WHERE days = $1

-- name: record_rankings
-- Records the $3 items and the $3 members of each workspace with the longest run time in the last $1 days, since $2.
INSERT INTO usage_ranking (workspace, days, dimension, name, runs, failed, job_s)
SELECT workspace, $1, dimension, name, runs, failed, job_s
FROM (
    SELECT workspace, dimension, name, sum(runs) AS runs, sum(failed) AS failed, sum(job_s) AS job_s,
           row_number() OVER (PARTITION BY workspace, dimension
                              ORDER BY sum(job_s) DESC, sum(runs) DESC, name) AS rank
    FROM usage_rollup
    WHERE width_s = 86400 AND dimension IN ('item', 'member') AND at >= $2
    GROUP BY workspace, dimension, name
) AS ranked
WHERE rank <= $3
ON CONFLICT (workspace, days, dimension, name) DO UPDATE
SET runs = excluded.runs, failed = excluded.failed, job_s = excluded.job_s

-- name: list_ranking
-- The items or members ($3) of a workspace in the last $2 days, the longest run time first.
SELECT name, runs, failed, job_s
FROM usage_ranking
WHERE workspace = $1 AND days = $2 AND dimension = $3
ORDER BY job_s DESC, runs DESC, name

-- name: list_workspaces
-- The sums since $1 of each workspace, the longest run time first, at most $2.
SELECT workspace AS name, sum(runs)::bigint AS runs, sum(failed)::bigint AS failed, sum(job_s) AS job_s,
       coalesce((array_agg(file_bytes ORDER BY at DESC))[1], 0) AS file_bytes
FROM usage_rollup
WHERE width_s = 86400 AND dimension = 'workspace' AND at >= $1
GROUP BY workspace
ORDER BY sum(job_s) DESC, sum(runs) DESC, workspace
LIMIT $2
