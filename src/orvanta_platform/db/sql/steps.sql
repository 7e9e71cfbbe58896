-- name: write_steps
-- Writes many steps of many runs in one statement. All rows depend on the compare-and-set of each run's rev, and on
-- each ended job being at its attempt, worker and generation, without an opening of a secret that its worker has not
-- masked; a run locked by another transaction is skipped. Steps that count a decision also depend on the inbox of the
-- run being empty. Returns the numbers of the written steps; a missing step changed nothing.
WITH step AS MATERIALIZED (
    SELECT *
    FROM unnest($1::uuid[], $2::integer[], $3::bytea[], $4::text[], $5::boolean[], $6::boolean[], $7::text[],
                         $8::boolean[], $9::text[], $10::uuid[], $11::bigint[], $12::boolean[], $13::double precision[],
                         $14::integer[], $15::bigint[]) WITH ORDINALITY
        AS s(run, rev, state, status, ends, over_cancel, end_status, recovered, error_name, result_of, inbox_seq,
             skipped, ran_s, mem_peak_kb, log_chars, n)
), ending AS MATERIALIZED (
    SELECT *
    FROM unnest($16::bigint[], $17::uuid[], $18::integer[], $19::uuid[], $20::integer[], $21::text[], $22::text[],
                         $23::integer[], $24::bigint[], $25::double precision[], $26::double precision[],
                         $27::integer[])
        AS e(n, job, attempt, worker, generation, fate, error_name, mem_peak_kb, log_chars, ran_s, due_in_s, openings)
), current AS MATERIALIZED (
    SELECT s.*, app_now() - make_interval(secs => s.ran_s) AS started_at
    FROM step s
    JOIN run_live r ON r.id = s.run AND r.rev = s.rev AND (s.over_cancel OR r.cancel_at IS NULL)
    WHERE s.n <> ALL (ARRAY(
        SELECT e.n
        FROM ending e
        WHERE NOT EXISTS (
            SELECT FROM job_live j
            WHERE j.id = e.job AND j.attempt = e.attempt
               AND j.worker IS NOT DISTINCT FROM e.worker AND j.generation IS NOT DISTINCT FROM e.generation
               AND (e.openings IS NULL OR j.openings = e.openings))))
      AND NOT EXISTS (SELECT FROM inbox i WHERE i.run = s.run)
    ORDER BY r.id
    FOR NO KEY UPDATE OF r SKIP LOCKED
), updated AS (
    UPDATE run_live r
    SET rev = r.rev + 1, state = g.state, status = g.status, started_at = least(r.started_at, g.started_at)
    FROM current g
    WHERE NOT g.ends AND r.id = g.run AND r.rev = g.rev
    RETURNING g.n, r.id, r.workspace
), deleted AS (
    DELETE FROM run_live r
    USING current g
    LEFT JOIN job_live j ON j.id = g.run
    WHERE g.ends AND r.id = g.run AND r.rev = g.rev
    RETURNING g.n, g.state AS end_state, g.end_status, g.recovered, g.skipped, g.error_name, g.result_of, g.mem_peak_kb,
              g.log_chars, j.queue AS job_queue, j.worker, j.generation, j.attempt, j.attempts,
              least(r.started_at, g.started_at) AS first_started_at, r.*
), written AS MATERIALIZED (
    SELECT n, id, workspace FROM updated UNION ALL SELECT n, id, workspace FROM deleted
), finished_jobs AS (
    DELETE FROM job_live j
    USING ending e
    JOIN written ON written.n = e.n
    WHERE j.id = e.job AND e.fate <> 'scheduled'
    RETURNING j.*, e.fate, e.error_name, e.mem_peak_kb, e.log_chars, e.ran_s
), retries AS (
    UPDATE job_live j
    SET state = 'scheduled', worker = NULL, generation = NULL, claimed_at = NULL, failures = j.failures + 1,
        attempts = (j.attempts::jsonb || jsonb_build_object('attempt', j.attempt, 'worker', j.worker,
            'started_at', app_now() - make_interval(secs => e.ran_s), 'ended_at', app_now(), 'reason', 'retry',
            'error', e.error_name))::json
    FROM ending e
    JOIN written ON written.n = e.n
    WHERE j.id = e.job AND e.fate = 'scheduled'
), retry_timers AS (
    INSERT INTO timer (run, job, kind, due_at)
    SELECT written.id, e.job, 'retry', app_now() + make_interval(secs => e.due_in_s)
    FROM ending e
    JOIN written ON written.n = e.n
    WHERE e.fate = 'scheduled'
), dropped_timers AS (
    DELETE FROM timer t
    USING finished_jobs
    WHERE finished_jobs.state = 'scheduled' AND t.run = finished_jobs.run AND t.job = finished_jobs.id
), run_timers AS (
    DELETE FROM timer t
    USING deleted d
    WHERE t.run = d.id
), job_history AS (
    INSERT INTO job (id, run, workspace, node, node_index, kind, language, path, queue, state, error_name, worker,
                     generation, attempt, losses, failures, enqueued_at, started_at, ended_at, attempts, mem_peak_kb,
                     log_chars, parent, place)
    SELECT id, run, workspace, node, node_index, kind, language, path, queue, fate, error_name, worker, generation,
           attempt, losses, failures, enqueued_at,
           CASE WHEN ran_s IS NOT NULL THEN greatest(claimed_at, app_now() - make_interval(secs => ran_s)) END,
           app_now(), attempts, mem_peak_kb, coalesce(log_chars, 0), parent, place
    FROM finished_jobs
    WHERE id <> run
), finished_nodes AS (
    INSERT INTO job (id, run, workspace, node, node_index, kind, state, error_name, parent, place, result_of, failures,
                     enqueued_at, started_at, ended_at)
    SELECT d.id, written.id, written.workspace, d.node, d.node_index, d.kind, d.state, d.error_name, d.parent, d.place,
           d.result_of, d.failures, app_now(),
           coalesce(
               d.started_at,
               CASE d.kind
                   WHEN 'approval' THEN (SELECT a.opened_at FROM approval a WHERE a.run = written.id AND d.id = a.job)
               END,
               app_now()
           ),
           app_now()
    FROM unnest($28::bigint[], $29::uuid[], $30::text[], $31::integer[], $32::text[], $33::text[], $34::text[],
                $35::uuid[], $36::integer[], $37::uuid[], $38::integer[], $39::timestamptz[])
        AS d(n, id, node, node_index, kind, state, error_name, parent, place, result_of, failures, started_at)
    JOIN written ON written.n = d.n
), new_jobs AS (
    INSERT INTO job_live (id, run, workspace, node, node_index, kind, language, path, queue, priority, lane, timeout_s,
                          state, seq, attempt, worker, generation, enqueued_at, claimed_at, frame, parent, place, nonce)
    SELECT j.id, written.id, written.workspace, j.node, j.node_index, j.kind, j.language, j.path, j.queue, j.priority,
           j.lane, j.timeout_s,
           CASE WHEN j.worker IS NULL THEN 'available' ELSE 'running' END,
           CASE WHEN j.worker IS NULL THEN nextval('job_seq') END,
           CASE WHEN j.worker IS NULL THEN 0 ELSE 1 END, j.worker, j.generation, app_now(),
           CASE WHEN j.worker IS NOT NULL THEN app_now() END, j.frame, j.parent, j.place, j.nonce
    FROM unnest($40::bigint[], $41::uuid[], $42::text[], $43::integer[], $44::text[], $45::text[], $46::text[],
                $47::text[], $48::smallint[], $49::smallint[], $50::double precision[], $51::uuid[], $52::integer[],
                $53::uuid[], $54::uuid[], $55::integer[], $56::uuid[]) WITH ORDINALITY
        AS j(n, id, node, node_index, kind, language, path, queue, priority, lane, timeout_s, worker, generation, frame,
             parent, place, nonce, position)
    JOIN written ON written.n = j.n
    ORDER BY j.position  -- jobs are claimed in the order of job_seq
), due_jobs AS (
    UPDATE job_live j
    SET state = 'available', seq = nextval('job_seq'), timeout_s = w.timeout_s
    FROM unnest($57::bigint[], $58::uuid[], $59::double precision[]) AS w(n, job, timeout_s)
    JOIN written ON written.n = w.n
    WHERE j.id = w.job AND j.state = 'scheduled'
), new_values AS (
    INSERT INTO value (id, kind, name, size, encoding, body, object)
    SELECT w.id, w.kind, w.name, w.size, w.encoding, w.body, w.object
    FROM unnest($60::bigint[], $61::uuid[], $62::text[], $63::text[], $64::bigint[], $65::smallint[], $66::bytea[],
                $67::text[])
        AS w(n, id, kind, name, size, encoding, body, object)
    JOIN written ON written.n = w.n
    WHERE w.kind <> 'context'
), exports AS (
    INSERT INTO value (id, kind, name, size, encoding, body, object)
    SELECT w.id, w.kind, w.name, w.size, w.encoding, w.body, w.object
    FROM unnest($60::bigint[], $61::uuid[], $62::text[], $63::text[], $64::bigint[], $65::smallint[], $66::bytea[],
                $67::text[])
        AS w(n, id, kind, name, size, encoding, body, object)
    JOIN written ON written.n = w.n
    WHERE w.kind = 'context'
    ON CONFLICT (id, kind, name) DO UPDATE
        SET size = excluded.size, encoding = excluded.encoding, body = excluded.body, object = excluded.object
), events AS (
    INSERT INTO event (run, kind, node, data)
    SELECT written.id, e.kind, e.node, e.data::json
    FROM unnest($68::bigint[], $69::text[], $70::text[], $71::text[]) WITH ORDINALITY
        AS e(n, kind, node, data, position)
    JOIN written ON written.n = e.n
    ORDER BY e.position  -- events are read in the order of event.seq
), new_decisions AS (
    INSERT INTO decision (job, resume_id, run, approved, approver, account, member, reason, payload, at, traceparent,
                          taken)
    SELECT d.job, d.resume_id, written.id, d.approved, d.approver, d.account, d.account IS NOT NULL, d.reason,
           d.payload, d.at, d.traceparent, true
    FROM unnest($72::bigint[], $73::uuid[], $74::bigint[], $75::boolean[], $76::text[], $77::text[], $78::text[],
                $79::text[], $80::timestamptz[], $81::text[])
        AS d(n, job, resume_id, approved, approver, account, reason, payload, at, traceparent)
    JOIN written ON written.n = d.n
), closed_approvals AS (
    DELETE FROM approval a
    USING unnest($72::bigint[], $73::uuid[], $82::boolean[]) AS d(n, job, closes)
    JOIN written ON written.n = d.n
    WHERE a.run = written.id AND a.job = d.job AND d.closes
    RETURNING a.run, a.job
), closed_notices AS (
    DELETE FROM notice n
    USING closed_approvals c
    WHERE n.run = c.run AND n.job = c.job
), closed_deadlines AS (
    DELETE FROM timer t
    USING closed_approvals c
    WHERE t.run = c.run AND t.job = c.job AND t.kind = 'deadline'
), audit_rows AS (
    INSERT INTO audit (workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address,
                       request_id)
    SELECT a.workspace, a.actor, a.on_behalf_of, a.operation, a.action_kind, a.resource, a.parameters::jsonb,
           a.address, a.request_id
    FROM unnest($83::bigint[], $84::text[], $85::text[], $86::text[], $87::text[], $88::text[], $89::text[],
                $90::text[], $91::text[], $92::text[])
        AS a(n, workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id)
    JOIN written ON written.n = a.n
), processed_events AS (
    DELETE FROM inbox i
    USING written
    JOIN step s ON s.n = written.n
    WHERE i.run = written.id AND (s.ends OR i.seq = s.inbox_seq)
), caller_events AS (
    INSERT INTO inbox (run, event)
    SELECT p.id, json_build_object('type', 'child_ended', 'run', d.id)
    FROM deleted d
    CROSS JOIN LATERAL (SELECT id FROM run_live WHERE id = d.parent OFFSET 0) p
), ended_runs AS (
    INSERT INTO run (id, workspace, kind, path, version, document, language, pin_set, engine_version, state, status,
                     recovered, skipped, error_name, result_of, cancel_by, cancel_reason, priority, queue, parent, root,
                     trigger, created_by, email, permissioned_as, created_at, scheduled_at, started_at, ended_at, seed,
                     worker, generation, attempt, attempts, mem_peak_kb, log_chars, labels)
    SELECT d.id, d.workspace, d.kind, d.path, d.version, d.document, d.language, d.pin_set, d.engine_version,
           d.end_state, d.end_status, d.recovered, d.skipped,
           coalesce(d.error_name,
                    (SELECT j.error_name FROM job j WHERE d.end_status = 'failed' AND j.id = d.result_of)),
           d.result_of, d.cancel_by, d.cancel_reason, d.priority, coalesce(d.queue, d.job_queue), d.parent,
           d.root, d.trigger, d.created_by, d.email, d.permissioned_as, d.created_at, d.scheduled_at,
           greatest(d.first_started_at, d.created_at), app_now(), d.seed, d.worker, d.generation,
           coalesce(d.attempt, 0),
           coalesce(d.attempts, '[]'), d.mem_peak_kb, coalesce(d.log_chars, 0), d.labels
    FROM deleted d
), failed_runs AS (
    INSERT INTO failed_run (run, workspace)
    SELECT d.id, d.workspace
    FROM deleted d
    WHERE d.end_status = 'failed' AND d.parent IS NULL AND d.version IS NOT NULL AND d.trigger <> 'error_handler'
      AND EXISTS (SELECT FROM error_handler h WHERE h.workspace = d.workspace)
)
SELECT n
FROM written
