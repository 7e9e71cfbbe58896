-- name: list_workers
-- Workers that live, and those that were heard of within $1 seconds (null: only the living), a page of them.
SELECT w.id, w.name, w.instance, w.ip, w.worker_group, w.queues, w.slots, w.version, w.isolation, w.state, w.jobs_executed,
       w.started_at, extract(epoch FROM app_now() - w.beat_at)::double precision AS last_beat_s,
       (SELECT count(*) FROM job_live j WHERE j.worker = w.id AND j.state = 'running')::integer AS running
FROM worker w
WHERE w.state = 'live' OR ($1::double precision IS NOT NULL AND w.beat_at > app_now() - make_interval(secs => $1))
ORDER BY w.started_at DESC, w.id LIMIT $2 OFFSET $3

-- name: queue_counts
-- How many jobs may start now, by queue.
SELECT queue, count(*) AS jobs FROM job_live WHERE state = 'available' GROUP BY queue
