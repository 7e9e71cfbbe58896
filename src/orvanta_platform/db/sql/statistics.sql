-- name: get_last_minute
-- The last recorded minute.
SELECT at FROM operations_rollup WHERE width_s = 60 AND workspace IS NULL ORDER BY at DESC LIMIT 1

-- name: record_minutes
-- Records the minutes from $1 to $2: ended runs without sub-workflows and dry runs, ended jobs by the bucket (bounds
-- $3) of the time that they waited; with $4 for the last minute the current state of the queue, the workers and the
-- database. Recording a minute again replaces it. Workspace '' is the whole installation.
WITH ended_runs AS (
    SELECT coalesce(workspace, '') AS workspace, date_bin('1 minute', ended_at, 'epoch') AS at,
           count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           count(*) FILTER (WHERE status = 'cancelled') AS cancelled
    FROM run
    WHERE ended_at >= $1 AND ended_at < $2 AND parent IS NULL AND trigger <> 'dry_run'
    GROUP BY GROUPING SETS ((workspace, 2), (2))
), started_jobs AS (
    SELECT workspace, ended_at, started_at - enqueued_at AS waited
    FROM job
    WHERE ended_at >= $1 AND ended_at < $2 AND attempt = 1 AND queue IS NOT NULL
    UNION ALL
    SELECT workspace, ended_at, started_at - greatest(scheduled_at, created_at)
    FROM run
    WHERE ended_at >= $1 AND ended_at < $2 AND attempt = 1 AND worker IS NOT NULL
), waits AS (
    SELECT coalesce(workspace, '') AS workspace, date_bin('1 minute', ended_at, 'epoch') AS at,
           width_bucket(extract(epoch FROM waited)::double precision, $3::double precision[]) AS bucket,
           count(*)::integer AS jobs
    FROM started_jobs
    WHERE waited IS NOT NULL
    GROUP BY GROUPING SETS ((workspace, 2, 3), (2, 3))
), histograms AS (
    SELECT h.workspace, h.at, array_agg(coalesce(w.jobs, 0) ORDER BY b.bucket) AS waits
    FROM (SELECT DISTINCT workspace, at FROM waits) AS h
    CROSS JOIN generate_series(0, cardinality($3)) AS b(bucket)
    LEFT JOIN waits AS w ON w.workspace = h.workspace AND w.at = h.at AND w.bucket = b.bucket
    GROUP BY h.workspace, h.at
), queue AS (
    SELECT coalesce(workspace, '') AS workspace, count(*) FILTER (WHERE state = 'available')::integer AS waiting,
           count(*) FILTER (WHERE state = 'running')::integer AS running,
           extract(epoch FROM app_now() - min(enqueued_at)
               FILTER (WHERE state = 'available'))::double precision AS oldest_s
    FROM job_live
    GROUP BY GROUPING SETS ((workspace), ())
    HAVING $4::boolean
), figures AS (
    SELECT workspace, at, succeeded, failed, cancelled, NULL::integer[] AS waits, NULL::integer AS waiting,
           NULL::integer AS running, NULL::double precision AS oldest_s
    FROM ended_runs
    UNION ALL
    SELECT workspace, at, 0, 0, 0, waits, NULL, NULL, NULL
    FROM histograms
    UNION ALL
    SELECT workspace, $2 - interval '1 minute', 0, 0, 0, NULL, waiting, running, oldest_s
    FROM queue
), installation AS (
    SELECT '' AS workspace, (SELECT coalesce(sum(slots), 0) FROM worker WHERE state = 'live') AS slots,
           pg_database_size(current_database()) AS database_bytes,
           orvanta_oldest_snapshot_s() AS oldest_xmin_s
)
INSERT INTO operations_rollup AS r (workspace, width_s, at, succeeded, failed, cancelled, waits, waiting, running,
                                    oldest_s, slots, database_bytes, oldest_xmin_s)
SELECT nullif(f.workspace, ''), 60, f.at, sum(f.succeeded), sum(f.failed), sum(f.cancelled), max(f.waits),
       max(f.waiting), max(f.running), max(f.oldest_s), max(i.slots), max(i.database_bytes), max(i.oldest_xmin_s)
FROM figures AS f
LEFT JOIN installation AS i ON i.workspace = f.workspace AND f.at = $2 - interval '1 minute' AND $4
WHERE f.workspace = '' OR EXISTS (SELECT FROM workspace AS w WHERE w.id = f.workspace)
GROUP BY f.workspace, f.at
ON CONFLICT (workspace, width_s, at) DO UPDATE
SET succeeded = excluded.succeeded, failed = excluded.failed, cancelled = excluded.cancelled, waits = excluded.waits,
    waiting = coalesce(excluded.waiting, r.waiting), running = coalesce(excluded.running, r.running),
    oldest_s = coalesce(excluded.oldest_s, r.oldest_s), slots = coalesce(excluded.slots, r.slots),
    database_bytes = coalesce(excluded.database_bytes, r.database_bytes),
    oldest_xmin_s = coalesce(excluded.oldest_xmin_s, r.oldest_xmin_s)

-- name: record_hours
-- Records the hours from $1 to $2 from their minutes: sums of counts, maximums of states.
WITH minutes AS (
    SELECT *, date_bin('1 hour', at, 'epoch') AS hour
    FROM operations_rollup
    WHERE width_s = 60 AND at >= $1 AND at < $2
), waits AS (
    SELECT workspace, hour, array_agg(jobs ORDER BY bucket) AS waits
    FROM (SELECT m.workspace, m.hour, w.bucket, sum(w.jobs)::integer AS jobs
          FROM minutes AS m
          CROSS JOIN LATERAL unnest(m.waits) WITH ORDINALITY AS w(jobs, bucket)
          GROUP BY m.workspace, m.hour, w.bucket) AS buckets
    GROUP BY workspace, hour
)
INSERT INTO operations_rollup (workspace, width_s, at, succeeded, failed, cancelled, waits, waiting, running, oldest_s,
                               slots, database_bytes, oldest_xmin_s)
SELECT m.workspace, 3600, m.hour, sum(m.succeeded), sum(m.failed), sum(m.cancelled), max(w.waits), max(m.waiting),
       max(m.running), max(m.oldest_s), max(m.slots), max(m.database_bytes), max(m.oldest_xmin_s)
FROM minutes AS m
LEFT JOIN waits AS w ON w.workspace IS NOT DISTINCT FROM m.workspace AND w.hour = m.hour
GROUP BY m.workspace, m.hour
ON CONFLICT (workspace, width_s, at) DO UPDATE
SET succeeded = excluded.succeeded, failed = excluded.failed, cancelled = excluded.cancelled, waits = excluded.waits,
    waiting = excluded.waiting, running = excluded.running, oldest_s = excluded.oldest_s, slots = excluded.slots,
    database_bytes = excluded.database_bytes, oldest_xmin_s = excluded.oldest_xmin_s

-- name: delete_old
-- Deletes minutes before $1 and hours before $2.
DELETE FROM operations_rollup WHERE (width_s = 60 AND at < $1) OR (width_s = 3600 AND at < $2)

-- name: list_figures
-- Figures of a workspace (null: the installation) since $2 in order of time: hours, and minutes of hours that are not
-- recorded yet. $3: true for minutes only. A workspace without jobs has no figures of its own: at the times that are
-- recorded for the installation, it has no waiting and no running jobs.
WITH last_hour AS (
    SELECT coalesce(max(at) + interval '1 hour', '-infinity') AS ends
    FROM operations_rollup
    WHERE width_s = 3600 AND workspace IS NULL
)
SELECT i.at, coalesce(r.succeeded, 0) AS succeeded, coalesce(r.failed, 0) AS failed,
       coalesce(r.cancelled, 0) AS cancelled, r.waits,
       coalesce(r.waiting, CASE WHEN i.waiting IS NOT NULL THEN 0 END) AS waiting,
       coalesce(r.running, CASE WHEN i.running IS NOT NULL THEN 0 END) AS running,
       r.oldest_s, r.slots, r.database_bytes, r.oldest_xmin_s
FROM operations_rollup AS i
CROSS JOIN last_hour AS h
LEFT JOIN operations_rollup AS r
    ON r.workspace IS NOT DISTINCT FROM $1::text AND r.width_s = i.width_s AND r.at = i.at AND r.at >= $2
WHERE i.workspace IS NULL AND i.at >= $2
  AND (i.width_s = 60 AND ($3::boolean OR i.at >= h.ends) OR i.width_s = 3600 AND NOT $3)
ORDER BY i.at
