-- name: list_workers
-- A page of the live workers, and of those seen within $1 seconds (null: only live ones). $4: workspaces whose jobs are
-- counted (null: all).
SELECT w.id, w.name, w.instance, w.ip, w.worker_group, w.queues, w.slots, w.version, w.isolation, w.state,
       w.jobs_executed, w.started_at, w.drained_at IS NOT NULL AS drained,
       extract(epoch FROM app_now() - w.beat_at)::double precision AS last_beat_s,
       (SELECT count(*) FROM job_live j WHERE j.worker = w.id AND j.state = 'running'
        AND ($4::text[] IS NULL OR j.workspace = ANY ($4)))::integer AS running
FROM worker w
WHERE w.state = 'live' OR ($1::double precision IS NOT NULL AND w.beat_at > app_now() - make_interval(secs => $1))
ORDER BY w.started_at DESC, w.id LIMIT $2 OFFSET $3

-- name: list_queues
-- The queues that have jobs: the number that may start now, the age in seconds of the oldest of them, the number
-- running, and the number of live workers, not drained, that serve them. $1: workspaces whose jobs count (null: all).
SELECT j.queue, j.waiting, j.oldest_s, j.running,
       (SELECT count(*) FROM worker w WHERE w.state = 'live' AND w.drained_at IS NULL
        AND (w.queues IS NULL OR j.queue = ANY (w.queues) OR j.queue = 'worker:' || w.id))::integer AS workers
FROM (SELECT queue, count(*) FILTER (WHERE state = 'available')::integer AS waiting,
             count(*) FILTER (WHERE state = 'running')::integer AS running,
             extract(epoch FROM app_now() - min(enqueued_at)
                 FILTER (WHERE state = 'available'))::double precision AS oldest_s
      FROM job_live
      WHERE $1::text[] IS NULL OR workspace = ANY ($1)
      GROUP BY queue) j
ORDER BY j.queue

-- name: count_jobs_by_queue
-- Number of jobs of these workspaces (null: all) that may start now, by queue.
SELECT queue, count(*) AS jobs
FROM job_live
WHERE state = 'available' AND ($1::text[] IS NULL OR workspace = ANY ($1))
GROUP BY queue

-- name: list_named_queues
-- The queues that live workers name, by name.
SELECT DISTINCT q.queue
FROM worker w, unnest(w.queues) AS q(queue)
WHERE w.state = 'live' AND w.drained_at IS NULL
ORDER BY q.queue

-- name: find_served_queues
-- Those of these queues that a live worker serves.
SELECT q.queue
FROM unnest($1::text[]) AS q(queue)
WHERE EXISTS (SELECT FROM worker w
              WHERE w.state = 'live' AND w.drained_at IS NULL AND (w.queues IS NULL OR q.queue = ANY (w.queues)))

-- name: count_ended_by_queue
-- Number of ended jobs of runs created since the one with the lowest id $1, by queue, in these workspaces (null: all).
SELECT queue, count(*) AS jobs
FROM (SELECT queue
      FROM job
      WHERE id >= $1 AND queue IS NOT NULL AND ($2::text[] IS NULL OR workspace = ANY ($2))
      UNION ALL
      SELECT queue
      FROM run
      WHERE id >= $1 AND queue IS NOT NULL AND worker IS NOT NULL AND ($2::text[] IS NULL OR workspace = ANY ($2))) j
GROUP BY queue
ORDER BY queue

-- name: list_groups
-- The groups of the live workers.
SELECT DISTINCT worker_group FROM worker WHERE state = 'live'

-- name: count_desired_workers
-- Number of workers with $2 slots that the jobs of these queues (null: all) need.
SELECT orvanta_desired_workers($1::text[], $2)
