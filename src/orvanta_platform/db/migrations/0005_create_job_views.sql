-- One shape for whatever answers to an id: a run or a node's job, under way or ended. For reading alone.
-- run_path decides who may see it, path is what it is shown by, own_path (script or workflow) what it runs; a run of one node has its job in the same row.

CREATE VIEW live_run_view AS
SELECT r.id, r.workspace, false AS is_step, false AS ended, r.id AS run, NULL::text AS node, NULL::integer AS node_index, r.kind,
       CASE WHEN r.status = 'queued' AND (SELECT true FROM job_live x WHERE x.run = r.id AND x.attempt > 0 LIMIT 1)
            THEN 'running' ELSE r.status END AS state, r.path AS own_path,
       r.path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms, r.version,
       CASE WHEN v.kind = 'script' THEN v.hash END AS script_hash, r.document, r.kind AS run_kind, r.language,
       coalesce(r.queue, j.queue) AS queue, r.priority, r.parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       r.created_at, r.scheduled_at, coalesce(r.started_at, j.claimed_at) AS started_at, NULL::timestamptz AS ended_at,
       r.cancel_at IS NOT NULL AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       NULL::text AS error_name, NULL::uuid AS result_of, w.name AS worker, coalesce(j.attempt, 0) AS attempt,
       coalesce(j.failures, 0) AS failures, NULL::integer AS mem_peak_kb, 0::bigint AS log_chars, r.labels, r.state AS run_state,
       j.state AS job_state, t.due_at AS retry_at,
       j.queue IS NULL OR EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND (x.queues IS NULL OR j.queue = ANY (x.queues))) AS served
FROM run_live r
LEFT JOIN job_live j ON j.id = r.id
LEFT JOIN timer t ON t.run = r.id AND t.job = r.id AND t.kind = 'retry'
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE VIEW live_job_view AS
SELECT j.id, r.workspace, true AS is_step, false AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, j.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.claimed_at AS started_at, NULL::timestamptz AS ended_at,
       r.cancel_at IS NOT NULL AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       NULL::text AS error_name, NULL::uuid AS result_of, w.name AS worker, j.attempt,
       j.failures, NULL::integer AS mem_peak_kb, 0::bigint AS log_chars, r.labels, NULL::bytea AS run_state,
       j.state AS job_state, t.due_at AS retry_at,
       EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND (x.queues IS NULL OR j.queue = ANY (x.queues))) AS served
FROM job_live j
JOIN run_live r ON r.id = j.run
LEFT JOIN timer t ON t.run = j.run AND t.job = j.id AND t.kind = 'retry'
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE j.id <> j.run;

CREATE VIEW ended_run_view AS
SELECT r.id, r.workspace, false AS is_step, true AS ended, r.id AS run, NULL::text AS node, NULL::integer AS node_index, r.kind,
       r.status AS state, r.path AS own_path, r.path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms, r.version,
       CASE WHEN v.kind = 'script' THEN v.hash END AS script_hash, r.document, r.kind AS run_kind, r.language,
       coalesce(r.queue, r.language, CASE WHEN r.kind = 'identity' THEN 'native' END) AS queue, r.priority, r.parent, r.root, r.trigger,
       r.created_by, r.email, r.permissioned_as, r.created_at, r.scheduled_at, r.started_at, r.ended_at,
       r.status = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, r.recovered, r.skipped,
       r.error_name, r.result_of, w.name AS worker, r.attempt,
       0 AS failures, r.mem_peak_kb, r.log_chars, r.labels, r.state AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM run r
LEFT JOIN worker w ON w.id = r.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

-- Ended jobs of ended runs, and of runs under way: two views, so that what is asked of the run finds the jobs.
CREATE VIEW ended_job_view AS
SELECT j.id, j.workspace, true AS is_step, true AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, r.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.started_at, j.ended_at,
       j.state = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       j.error_name, j.id AS result_of, w.name AS worker, j.attempt,
       j.failures, j.mem_peak_kb, j.log_chars, r.labels, NULL::bytea AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM job j
JOIN run r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE VIEW past_job_view AS
SELECT j.id, j.workspace, true AS is_step, true AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, r.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.started_at, j.ended_at,
       j.state = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       j.error_name, j.id AS result_of, w.name AS worker, j.attempt,
       j.failures, j.mem_peak_kb, j.log_chars, r.labels, NULL::bytea AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM job j
JOIN run_live r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE INDEX run_parent ON run (parent) WHERE parent IS NOT NULL;
