-- name: find
-- The run or node's job with this id in this workspace, live or ended; at most one row. The run of a job is looked up
-- by a subquery: with a join, a plan made while the tables were small reads all runs.
SELECT *
FROM live_run_view
WHERE id = $1 AND workspace = $2
UNION ALL
SELECT *
FROM live_job_view
WHERE id = $1 AND workspace = $2 AND run = (SELECT run FROM job_live WHERE id = $1)
UNION ALL
SELECT *
FROM ended_run_view
WHERE id = $1 AND workspace = $2
UNION ALL
SELECT *
FROM ended_job_view
WHERE id = $1 AND workspace = $2 AND run = (SELECT run FROM job WHERE id = $1)
UNION ALL
SELECT *
FROM past_job_view
WHERE id = $1 AND workspace = $2 AND run = (SELECT run FROM job WHERE id = $1)

-- name: get_upload_pending_since
-- Time since which the object storage rejects the output of this job; no row if it does not.
SELECT untaken_at
FROM job_live
WHERE id = $1 AND state = 'running' AND untaken_at >= claimed_at

-- name: find_live_run
-- The live run with this id, at a fraction of the cost of a search in all tables.
SELECT * FROM live_run_view WHERE id = $1 AND workspace = $2

-- name: find_jobs
-- Those of these ids that are jobs of nodes, or bodies of nodes, live or ended.
SELECT *
FROM live_job_view
WHERE id = ANY($1::uuid[]) AND workspace = $2
UNION ALL
SELECT *
FROM ended_job_view
WHERE id = ANY($1::uuid[]) AND workspace = $2
UNION ALL
SELECT *
FROM past_job_view
WHERE id = ANY($1::uuid[]) AND workspace = $2

-- name: list_node_jobs
-- The jobs of one run, live and ended. Their ids contain the run's milliseconds, so that one partition is read.
SELECT j.node, j.node_index, j.id, j.kind, j.state, j.language, j.attempt, j.failures, j.queue, j.enqueued_at,
       j.claimed_at AS started_at, NULL::timestamptz AS ended_at, NULL::text AS error_name, 0::bigint AS log_chars,
       t.due_at AS retry_at, CASE WHEN j.untaken_at >= j.claimed_at THEN j.untaken_at END AS untaken_at,
       EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND x.drained_at IS NULL
                AND (x.queues IS NULL OR j.queue = ANY (x.queues) OR j.queue = 'worker:' || x.id)) AS served
FROM job_live j
LEFT JOIN timer t ON t.run = j.run AND t.job = j.id AND t.kind = 'retry'
WHERE j.run = $1 AND j.id <> j.run
UNION ALL
SELECT node, node_index, id, kind, state, language, attempt, failures, queue, enqueued_at, started_at, ended_at,
       error_name, log_chars, NULL, NULL, true
FROM job
WHERE run = $1 AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
ORDER BY node_index

-- name: list_top_node_jobs
-- The jobs of a run's top-level nodes, live and ended. Their ids contain the run's milliseconds, so that one partition
-- is read.
SELECT j.node, j.node_index, j.id, j.kind, j.state, j.language, j.attempt, j.failures, j.queue, j.enqueued_at,
       j.claimed_at AS started_at, NULL::timestamptz AS ended_at, NULL::text AS error_name, 0::bigint AS log_chars,
       t.due_at AS retry_at, CASE WHEN j.untaken_at >= j.claimed_at THEN j.untaken_at END AS untaken_at,
       EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND x.drained_at IS NULL
                AND (x.queues IS NULL OR j.queue = ANY (x.queues) OR j.queue = 'worker:' || x.id)) AS served
FROM job_live j
LEFT JOIN timer t ON t.run = j.run AND t.job = j.id AND t.kind = 'retry'
WHERE j.run = $1 AND j.id <> j.run AND j.frame IS NULL
UNION ALL
SELECT node, node_index, id, kind, state, language, attempt, failures, queue, enqueued_at, started_at, ended_at,
       error_name, log_chars, NULL, NULL, true
FROM job
WHERE run = $1 AND parent IS NULL AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
ORDER BY node_index

-- name: list_node_jobs_inside
-- The jobs in one frame of a run, live and ended. Their ids contain the run's milliseconds, so that one partition is
-- read.
SELECT j.node, j.node_index, j.id, j.kind, j.state, j.language, j.attempt, j.failures, j.queue, j.enqueued_at,
       j.claimed_at AS started_at, NULL::timestamptz AS ended_at, NULL::text AS error_name, 0::bigint AS log_chars,
       t.due_at AS retry_at, CASE WHEN j.untaken_at >= j.claimed_at THEN j.untaken_at END AS untaken_at,
       EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND x.drained_at IS NULL
                AND (x.queues IS NULL OR j.queue = ANY (x.queues) OR j.queue = 'worker:' || x.id)) AS served
FROM job_live j
LEFT JOIN timer t ON t.run = j.run AND t.job = j.id AND t.kind = 'retry'
WHERE j.run = $1 AND j.frame = $2
UNION ALL
SELECT node, node_index, id, kind, state, language, attempt, failures, queue, enqueued_at, started_at, ended_at,
       error_name, log_chars, NULL, NULL, true
FROM job
WHERE run = $1 AND parent = $2 AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
ORDER BY node_index

-- name: get_status_of_ended
-- The outcome of a run, with its result and permissions; no row while it is live. Each part is looked up by its id,
-- however small the tables were when this was planned.
SELECT r.workspace, r.status AS state, true AS ended, r.result_of, r.status = 'cancelled' AS cancelled, r.cancel_by,
       r.cancel_reason, r.path AS run_path, r.created_by,
       coalesce((SELECT i.extra_perms FROM version v
                 JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
                 WHERE v.id = r.version), '{}') AS extra_perms,
       x.size, x.encoding, x.body, x.object
FROM run r
LEFT JOIN LATERAL (
    SELECT size, encoding, body, object
    FROM value
    WHERE id = r.result_of AND kind = 'result' AND name = '' LIMIT 1
) x ON true
WHERE r.id = $1 AND r.workspace = $2

-- name: get_status
-- The status of a run, live or ended, with its result and permissions. It costs several times as much as
-- get_status_of_ended.
SELECT v.workspace, v.state, v.ended, v.result_of, v.cancelled, v.cancel_by, v.cancel_reason, v.run_path, v.created_by,
       v.extra_perms, x.size, x.encoding, x.body, x.object
FROM (
    SELECT id, workspace, state, ended, result_of, cancelled, cancel_by, cancel_reason, run_path, created_by,
           extra_perms
    FROM live_run_view
    UNION ALL
    SELECT id, workspace, state, ended, result_of, cancelled, cancel_by, cancel_reason, run_path, created_by,
           extra_perms
    FROM ended_run_view
) v LEFT JOIN LATERAL (
    SELECT size, encoding, body, object
    FROM value
    WHERE id = v.result_of AND kind = 'result' AND name = '' LIMIT 1
) x ON true
WHERE v.id = $1 AND v.workspace = $2

-- name: list_runs_of_millisecond
-- The flow runs created in the millisecond of this id: one of them may have a node with this derived id.
SELECT id
FROM live_run_view
WHERE workspace = $2 AND kind IN ('flow', 'flowpreview')
  AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
UNION ALL
SELECT id
FROM ended_run_view
WHERE workspace = $2 AND kind IN ('flow', 'flowpreview')
  AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
LIMIT 200

-- name: list_hidden_entries
-- Permits and queue entries of these limits, in one workspace, whose runs a caller may not see: the times of the
-- permits.
SELECT e.at
FROM (
    SELECT run, at FROM permit WHERE key = ANY($2::bytea[])
    UNION ALL
    SELECT run, NULL FROM gate_wait WHERE key = ANY($2::bytea[])) e
JOIN live_run_view v ON v.id = e.run AND v.workspace = $1
WHERE NOT coalesce(
    ($3 OR v.created_by = $4 OR v.run_path LIKE ANY($5::text[]) OR v.extra_perms ?| $6::text[])
    AND ($7::text[] IS NULL OR v.run_path LIKE ANY($7::text[])), false)
ORDER BY e.at LIMIT $8

-- name: sees_entry
-- Returns whether a caller may see a run that has a permit or queue entry of these limits, in one workspace.
SELECT EXISTS (
    SELECT FROM (
        SELECT run FROM permit WHERE key = ANY($2::bytea[])
        UNION ALL
        SELECT run FROM gate_wait WHERE key = ANY($2::bytea[])) e
    JOIN live_run_view v ON v.id = e.run AND v.workspace = $1
    WHERE ($3 OR v.created_by = $4 OR v.run_path LIKE ANY($5::text[]) OR v.extra_perms ?| $6::text[])
      AND ($7::text[] IS NULL OR v.run_path LIKE ANY($7::text[])))

-- name: list_live_runs
-- Live runs, without the columns of single views.
SELECT v.id, v.workspace, v.is_step, v.ended, v.run, v.node, v.node_index, v.kind, v.state, v.own_path, v.path,
       v.run_path, v.extra_perms, v.version, v.script_hash, NULL::bytea AS document, v.run_kind, v.language, v.queue,
       v.priority, v.parent, v.root, v.trigger, v.created_by, v.email, v.permissioned_as, v.created_at, v.scheduled_at,
       v.started_at, v.ended_at, v.cancelled, v.cancel_by, v.cancel_reason, v.recovered, v.skipped, v.error_name,
       v.result_of, v.worker, v.attempt, v.failures, v.mem_peak_kb, v.log_chars, v.labels, NULL::bytea AS run_state,
       v.job_state, v.retry_at, v.served
FROM live_run_view v
WHERE v.workspace = $1

-- name: list_live_jobs
-- Live jobs of nodes, in the same shape.
SELECT v.id, v.workspace, v.is_step, v.ended, v.run, v.node, v.node_index, v.kind, v.state, v.own_path, v.path,
       v.run_path, v.extra_perms, v.version, v.script_hash, NULL::bytea AS document, v.run_kind, v.language, v.queue,
       v.priority, v.parent, v.root, v.trigger, v.created_by, v.email, v.permissioned_as, v.created_at, v.scheduled_at,
       v.started_at, v.ended_at, v.cancelled, v.cancel_by, v.cancel_reason, v.recovered, v.skipped, v.error_name,
       v.result_of, v.worker, v.attempt, v.failures, v.mem_peak_kb, v.log_chars, v.labels, NULL::bytea AS run_state,
       v.job_state, v.retry_at, v.served
FROM live_job_view v
WHERE v.workspace = $1

-- name: list_ended_runs
-- Ended runs, in the same shape.
SELECT v.id, v.workspace, v.is_step, v.ended, v.run, v.node, v.node_index, v.kind, v.state, v.own_path, v.path,
       v.run_path, v.extra_perms, v.version, v.script_hash, NULL::bytea AS document, v.run_kind, v.language, v.queue,
       v.priority, v.parent, v.root, v.trigger, v.created_by, v.email, v.permissioned_as, v.created_at, v.scheduled_at,
       v.started_at, v.ended_at, v.cancelled, v.cancel_by, v.cancel_reason, v.recovered, v.skipped, v.error_name,
       v.result_of, v.worker, v.attempt, v.failures, v.mem_peak_kb, v.log_chars, v.labels, NULL::bytea AS run_state,
       v.job_state, v.retry_at, v.served
FROM ended_run_view v
WHERE v.workspace = $1

-- name: list_ended_jobs
-- Ended jobs of ended runs, in the same shape.
SELECT v.id, v.workspace, v.is_step, v.ended, v.run, v.node, v.node_index, v.kind, v.state, v.own_path, v.path,
       v.run_path, v.extra_perms, v.version, v.script_hash, NULL::bytea AS document, v.run_kind, v.language, v.queue,
       v.priority, v.parent, v.root, v.trigger, v.created_by, v.email, v.permissioned_as, v.created_at, v.scheduled_at,
       v.started_at, v.ended_at, v.cancelled, v.cancel_by, v.cancel_reason, v.recovered, v.skipped, v.error_name,
       v.result_of, v.worker, v.attempt, v.failures, v.mem_peak_kb, v.log_chars, v.labels, NULL::bytea AS run_state,
       v.job_state, v.retry_at, v.served
FROM ended_job_view v
WHERE v.workspace = $1 AND v.kind <> 'frame'

-- name: list_past_jobs
-- Ended jobs of live runs, in the same shape.
SELECT v.id, v.workspace, v.is_step, v.ended, v.run, v.node, v.node_index, v.kind, v.state, v.own_path, v.path,
       v.run_path, v.extra_perms, v.version, v.script_hash, NULL::bytea AS document, v.run_kind, v.language, v.queue,
       v.priority, v.parent, v.root, v.trigger, v.created_by, v.email, v.permissioned_as, v.created_at, v.scheduled_at,
       v.started_at, v.ended_at, v.cancelled, v.cancel_by, v.cancel_reason, v.recovered, v.skipped, v.error_name,
       v.result_of, v.worker, v.attempt, v.failures, v.mem_peak_kb, v.log_chars, v.labels, NULL::bytea AS run_state,
       v.job_state, v.retry_at, v.served
FROM past_job_view v
WHERE v.workspace = $1 AND v.kind <> 'frame'

-- name: times_live_runs
-- Creation times and states of live runs.
SELECT v.id, v.created_at, v.state FROM live_run_view v WHERE v.workspace = $1

-- name: times_ended_runs
-- Creation times and states of ended runs.
SELECT v.id, v.created_at, v.state FROM ended_run_view v WHERE v.workspace = $1

-- name: recent_live_runs
-- Paths, creation times and states of live runs.
SELECT v.id, v.own_path, v.created_at, v.state FROM live_run_view v WHERE v.workspace = $1

-- name: recent_ended_runs
-- Paths, creation times and states of ended runs.
SELECT v.id, v.own_path, v.created_at, v.state FROM ended_run_view v WHERE v.workspace = $1

-- name: count_live_runs
-- Number of live runs.
SELECT count(*) FROM live_run_view v WHERE v.workspace = $1

-- name: count_waiting_runs
-- Number of runs of a workspace that wait to start, counted up to $2.
SELECT count(*)
FROM (SELECT FROM live_run_view v WHERE v.workspace = $1 AND v.state IN ('queued', 'scheduled', 'available')
                      LIMIT $2) w

-- name: count_concurrent_runs
-- Number of runs of a workspace that have not ended, without those of sub-workflows, counted up to $2.
SELECT count(*)
FROM (SELECT FROM run_live AS r WHERE r.workspace = $1 AND r.root = r.id LIMIT $2) AS l

-- name: count_live_jobs
-- Number of live jobs of nodes.
SELECT count(*) FROM live_job_view v WHERE v.workspace = $1

-- name: count_ended_runs
-- Number of ended runs.
SELECT count(*) FROM ended_run_view v WHERE v.workspace = $1

-- name: count_ended_jobs
-- Number of ended jobs of ended runs.
SELECT count(*)
FROM ended_job_view v
WHERE v.workspace = $1 AND v.kind <> 'frame'

-- name: count_past_jobs
-- Number of ended jobs of live runs.
SELECT count(*)
FROM past_job_view v
WHERE v.workspace = $1 AND v.kind <> 'frame'

-- name: get_ended_state
-- The outcome of the node's job with this id; no row while it has not ended.
SELECT state FROM job WHERE id = $1

-- name: count_jobs_before
-- Number of jobs before a waiting job in its queue; at most 1,000 of each kind are counted.
SELECT ((SELECT count(*) FROM (SELECT FROM job_live b
                               WHERE b.state = 'available' AND b.queue = j.queue AND b.priority > j.priority
                               LIMIT 1000) x)
        + (SELECT count(*) FROM (SELECT FROM job_live b
                                 WHERE b.state = 'available' AND b.queue = j.queue AND b.priority = j.priority
                                   AND b.lane = 0 AND b.seq < j.seq LIMIT 1000) y)
        + (SELECT count(*) FROM (SELECT FROM job_live b
                                 WHERE b.state = 'available' AND b.queue = j.queue AND b.priority = j.priority
                                   AND b.lane = 1 AND b.seq < j.seq LIMIT 1000) z))::integer
FROM job_live j
WHERE j.id = $1 AND j.state = 'available'
