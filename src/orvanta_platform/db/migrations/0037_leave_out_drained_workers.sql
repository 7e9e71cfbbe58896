-- A worker that was told to take nothing serves no queue: what waits for it says so.

CREATE OR REPLACE VIEW live_run_view AS
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
       j.state AS job_state,
       (SELECT t.due_at FROM timer t WHERE t.run = r.id AND t.job = r.id AND t.kind = 'retry') AS retry_at,
       j.queue IS NULL OR EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND x.drained_at IS NULL
                               AND (x.queues IS NULL OR j.queue = ANY (x.queues) OR j.queue = 'worker:' || x.id)) AS served
FROM run_live r
LEFT JOIN job_live j ON j.id = r.id
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE OR REPLACE VIEW live_job_view AS
SELECT j.id, r.workspace, true AS is_step, false AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, j.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.claimed_at AS started_at, NULL::timestamptz AS ended_at,
       r.cancel_at IS NOT NULL AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       NULL::text AS error_name, NULL::uuid AS result_of, w.name AS worker, j.attempt,
       j.failures, NULL::integer AS mem_peak_kb, 0::bigint AS log_chars, r.labels, NULL::bytea AS run_state,
       j.state AS job_state,
       (SELECT t.due_at FROM timer t WHERE t.run = j.run AND t.job = j.id AND t.kind = 'retry') AS retry_at,
       EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND x.drained_at IS NULL
                               AND (x.queues IS NULL OR j.queue = ANY (x.queues) OR j.queue = 'worker:' || x.id)) AS served
FROM job_live j
JOIN run_live r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE j.id <> j.run;
