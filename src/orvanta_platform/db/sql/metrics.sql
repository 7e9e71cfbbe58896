-- name: count_ended_runs
-- Numbers of these runs, which have ended, by trigger and outcome; without dry runs and the sub-workflows in them, the
-- only ones of the kind flowpreview.
SELECT trigger, status AS outcome, count(*) AS runs
FROM run
WHERE id = ANY ($1::uuid[]) AND trigger <> 'dry_run' AND NOT (trigger = 'flow' AND kind = 'flowpreview')
GROUP BY trigger, status

-- name: count_jobs
-- Numbers of live jobs by queue and state, and for those that may start the age of the oldest in seconds. The queues of
-- single workers count as one. At most $1 queues have a name, those that workers name and those with most jobs first;
-- the others count as `other`.
WITH counted AS (
    SELECT CASE WHEN queue LIKE 'worker:%' THEN 'worker' ELSE queue END AS queue, state, count(*) AS jobs,
           min(enqueued_at) FILTER (WHERE state = 'available') AS oldest_at
    FROM job_live
    GROUP BY 1, 2
), shown AS (
    SELECT queue AS name
    FROM counted
    GROUP BY queue
    ORDER BY queue IN (SELECT unnest(queues) FROM worker WHERE state = 'live') DESC, sum(jobs) DESC, queue
    LIMIT $1
)
SELECT coalesce(s.name, 'other') AS queue, c.state, sum(c.jobs)::bigint AS jobs,
       extract(epoch FROM app_now() - min(c.oldest_at))::double precision AS oldest_s
FROM counted c
LEFT JOIN shown s ON s.name = c.queue
GROUP BY 1, 2

-- name: count_workers
-- Numbers of live workers by group and whether they are drained.
SELECT worker_group, drained_at IS NOT NULL AS drained, count(*) AS workers
FROM worker
WHERE state = 'live'
GROUP BY 1, 2

-- name: count_live_runs
-- Numbers of runs that have not ended, by status.
SELECT status, count(*) AS runs
FROM run_live
GROUP BY status

-- name: get_database_figures
-- Size of the database, its connections, and the age in seconds of the oldest transaction that holds back vacuum.
SELECT pg_database_size(current_database()) AS size,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
       orvanta_oldest_snapshot_s() AS oldest_xmin_s

-- name: count_dead_rows
-- Estimated dead rows of the tables that change most.
SELECT relname AS table, n_dead_tup AS rows
FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND relname IN ('job_live', 'run_live', 'timer', 'inbox', 'worker')
