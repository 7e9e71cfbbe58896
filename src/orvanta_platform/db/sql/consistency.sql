-- name: jobs_without_run
-- Every live job has a live run.
SELECT j.id, 'job ' || j.id || ' is live, its run ' || j.run || ' is not' AS problem
FROM job_live j
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = j.run) LIMIT 100

-- name: rows_out_of_form
-- Conditions on rows written by steps, checked here because check constraints would slow down each statement.
SELECT id, 'run ' || id || ' is live with status ' || status || ', priority ' || priority AS problem
FROM run_live
WHERE status NOT IN ('queued', 'running', 'awaiting_approval', 'paused', 'cancelling')
  OR (status = 'cancelling') <> (cancel_at IS NOT NULL)
   OR priority NOT BETWEEN 0 AND 100
UNION ALL
SELECT id, 'job ' || id || ' is live with state ' || state || ', priority ' || priority || ', lane ' || lane
FROM job_live
WHERE state NOT IN ('scheduled', 'available', 'running')
  OR (state = 'running') <> (worker IS NOT NULL AND generation IS NOT NULL)
   OR (state = 'available') <> (seq IS NOT NULL) OR priority NOT BETWEEN 0 AND 100 OR lane NOT IN (0, 1)
UNION ALL
SELECT id, 'run ' || id || ' has ended with status ' || status
FROM run
WHERE status NOT IN ('succeeded', 'failed', 'cancelled')
UNION ALL
SELECT id, 'job ' || id || ' has ended with state ' || state
FROM job
WHERE state NOT IN ('succeeded', 'failed', 'cancelled')
UNION ALL
SELECT id, 'value ' || kind || ' of ' || id || ' has encoding ' || encoding
FROM value
WHERE kind NOT IN ('args', 'result', 'context', 'resume') OR encoding NOT IN (0, 1, 2)
  OR (body IS NULL) = (object IS NULL) LIMIT 100

-- name: runs_twice
-- A run is live or ended, never both.
SELECT r.id, 'run ' || r.id || ' is both live and ended' AS problem
FROM run_live l
JOIN run r ON r.id = l.id LIMIT 100

-- name: jobs_twice
-- A job is live or ended, never both.
SELECT j.id, 'job ' || j.id || ' is both live and ended' AS problem
FROM job_live l
JOIN job j ON j.id = l.id LIMIT 100

-- name: jobs_of_no_run
-- Every ended job belongs to a run, live or ended.
SELECT j.id, 'job ' || j.id || ' belongs to no run' AS problem
FROM job j
WHERE NOT EXISTS (SELECT FROM run r WHERE r.id = j.run)
  AND NOT EXISTS (SELECT FROM run_live l WHERE l.id = j.run) LIMIT 100

-- name: runs_stuck
-- A live run has a job, a timer, an event, an approval, a pause, a queue entry at a limit or a sub-workflow; otherwise
-- nothing would ever step it.
SELECT r.id, 'run ' || r.id || ' (' || r.status || ') waits for nothing' AS problem
FROM run_live r
WHERE NOT EXISTS (SELECT FROM job_live j WHERE j.run = r.id) AND NOT EXISTS (SELECT FROM timer t WHERE t.run = r.id)
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.run = r.id) AND NOT EXISTS (SELECT FROM approval a WHERE a.run = r.id)
  AND NOT EXISTS (SELECT FROM pause p WHERE p.run = r.id)
  AND NOT EXISTS (SELECT FROM gate_wait w WHERE w.run = r.id)
  AND NOT EXISTS (SELECT FROM step_debounce d WHERE d.run = r.id)
  AND NOT EXISTS (SELECT FROM counter c JOIN run_live child ON child.id = c.child WHERE c.run = r.id) LIMIT 100

-- name: frames_of_nothing
-- Every frame and counter belongs to a live run, and each frame to an open container.
SELECT f.id, 'frame ' || f.id || ' belongs to no open container' AS problem
FROM frame f
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = f.run) OR NOT EXISTS (SELECT FROM counter c WHERE c.id = f.holder)
UNION ALL
SELECT c.id, 'counter ' || c.id || ' belongs to no live run'
FROM counter c
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = c.run) LIMIT 100

-- name: jobs_of_no_frame
-- A live job inside a loop or branch belongs to an open frame.
SELECT j.id, 'job ' || j.id || ' belongs to a frame that is not open' AS problem
FROM job_live j
WHERE j.frame IS NOT NULL AND NOT EXISTS (SELECT FROM frame f WHERE f.id = j.frame) LIMIT 100

-- name: jobs_unscheduled
-- A scheduled job has its timer, or the event that the timer became.
SELECT j.id, 'job ' || j.id || ' is scheduled without a timer' AS problem
FROM job_live j
WHERE j.state = 'scheduled' AND NOT EXISTS (SELECT FROM timer t WHERE t.run = j.run AND t.job = j.id)
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.run = j.run) LIMIT 100

-- name: orphan_timers
-- A timer belongs to a live run.
SELECT t.run AS id, 'timer ' || t.kind || ' of run ' || t.run || ', which is not live' AS problem
FROM timer t
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = t.run) LIMIT 100

-- name: orphan_events
-- An inbox row belongs to a live run.
SELECT i.run AS id, 'event of run ' || i.run || ', which is not live' AS problem
FROM inbox i
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = i.run) LIMIT 100

-- name: orphan_approvals
-- An approval and a pause belong to a live run.
SELECT a.run AS id, 'approval ' || a.node || ' of run ' || a.run || ', which is not live' AS problem
FROM approval a
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = a.run)
UNION ALL
SELECT p.run, 'pause before ' || p.node || ' of run ' || p.run || ', which is not live'
FROM pause p
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = p.run) LIMIT 100

-- name: orphan_permits
-- A permit, a queue entry at a limit and a debounced node belong to a live run.
SELECT p.run AS id, 'permit, queue entry or debounce of run ' || p.run || ', which is not live' AS problem
FROM (SELECT run FROM permit UNION SELECT run FROM gate_wait UNION SELECT run FROM step_debounce) p
WHERE NOT EXISTS (SELECT FROM run_live r WHERE r.id = p.run) LIMIT 100

-- name: gates_miscounted
-- A limit counts the existing permits, and its queue is empty while permits are free.
SELECT coalesce((SELECT w.run FROM gate_wait w WHERE w.key = g.key LIMIT 1),
                (SELECT p.run FROM permit p WHERE p.key = g.key LIMIT 1),
                '00000000-0000-0000-0000-000000000000') AS id,
       'limit ' || g.name || ' counts ' || g.in_use || ' permits of ' || g.places || '; there are ' || c.permits
           || ', and ' || c.waits || ' wait' AS problem
FROM gate g
CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM permit p WHERE p.key = g.key AND p.lender IS NULL) AS permits,
           (SELECT count(*) FROM gate_wait w WHERE w.key = g.key) AS waits) c
WHERE g.in_use <> c.permits OR (c.waits > 0 AND g.in_use < g.places AND g.due_at IS NULL)
UNION ALL
SELECT w.run, 'run ' || w.run || ' waits at a limit that does not exist'
FROM gate_wait w
WHERE NOT EXISTS (SELECT FROM gate g WHERE g.key = w.key)
UNION ALL
SELECT w.run, 'job ' || w.job || ' is queued and holds a permit'
FROM gate_wait w
JOIN permit p ON p.job = w.job LIMIT 100

-- name: jobs_of_dead_workers
-- A running job belongs to a worker of that generation, or to a lost one whose jobs will be recovered.
SELECT j.id, 'job ' || j.id || ' runs under a worker that has ended' AS problem
FROM job_live j
LEFT JOIN worker w ON w.id = j.worker
WHERE j.state = 'running'
  AND (w.id IS NULL OR w.state = 'stopped' OR (w.state = 'live' AND w.generation <> j.generation)) LIMIT 100

-- name: results_missing
-- The result named by a run is stored, except if retention or erasure deleted it.
SELECT r.id, 'run ' || r.id || ' references a missing result' AS problem
FROM run r
WHERE r.result_of IS NOT NULL AND NOT EXISTS (SELECT FROM value v WHERE v.id = r.result_of AND v.kind = 'result')
  AND NOT EXISTS (SELECT FROM workspace w WHERE w.id = r.workspace AND r.result_of < uuid_at(w.history_from))
  AND NOT EXISTS (SELECT FROM erasure e WHERE e.erased_at IS NOT NULL AND e.run IN (r.id, r.parent, r.root)) LIMIT 100

-- name: job_results_missing
-- Every job that succeeded or failed has a result.
SELECT j.id, 'job ' || j.id || ' ended without a result' AS problem
FROM job j
WHERE j.state <> 'cancelled'
  AND NOT EXISTS (SELECT FROM value v WHERE v.id = coalesce(j.result_of, j.id) AND v.kind = 'result')
  AND NOT EXISTS (SELECT FROM workspace w
                  WHERE w.id = j.workspace AND coalesce(j.result_of, j.id) < uuid_at(w.history_from))
  AND NOT EXISTS (SELECT FROM run r JOIN erasure e ON e.erased_at IS NOT NULL AND e.run IN (r.id, r.parent, r.root)
                  WHERE r.id = j.run) LIMIT 100

-- name: documents_missing
-- The document named by a run is stored.
SELECT r.id, 'run ' || r.id || ' references a missing document' AS problem
FROM (SELECT id, document FROM run UNION ALL SELECT id, document FROM run_live) r
WHERE r.document IS NOT NULL AND NOT EXISTS (SELECT FROM document d WHERE d.hash = r.document) LIMIT 100

-- name: logs_broken
-- The log of a job's last attempt has the length in its row, without gaps.
SELECT e.id, 'the log of ' || e.id || ' has ' || c.chars || ' characters of ' || e.log_chars AS problem
FROM (SELECT id, attempt, log_chars FROM job j
      WHERE NOT EXISTS (SELECT FROM erasure x JOIN run r ON x.run IN (r.id, r.parent, r.root)
                        WHERE r.id = j.run AND x.erased_at IS NOT NULL)
      UNION ALL
      SELECT id, attempt, log_chars
      FROM run r
      WHERE NOT EXISTS (SELECT FROM erasure x WHERE x.run IN (r.id, r.parent, r.root) AND x.erased_at IS NOT NULL)) e
CROSS JOIN LATERAL (
    SELECT coalesce(sum(chars), 0) AS chars, coalesce(max(first_char + chars), 0) AS reach
    FROM log_piece l
    WHERE l.job = e.id AND l.attempt = e.attempt) c
WHERE e.log_chars > 0 AND (c.chars <> e.log_chars OR c.reach <> e.log_chars) LIMIT 100

-- name: audit_runs_missing
-- Every accepted run exists: its audit row and the run are written in one transaction.
SELECT (a.parameters ->> 'run')::uuid AS id,
       'run ' || (a.parameters ->> 'run') || ' was accepted but does not exist' AS problem
FROM audit a
WHERE a.operation = 'jobs.run'
  AND NOT EXISTS (SELECT FROM workspace w
                  WHERE w.id = a.workspace AND (a.parameters ->> 'run')::uuid < uuid_at(w.history_from))
  AND NOT EXISTS (SELECT FROM run r WHERE r.id = (a.parameters ->> 'run')::uuid)
  AND NOT EXISTS (SELECT FROM run_live l WHERE l.id = (a.parameters ->> 'run')::uuid) LIMIT 100

-- name: list_live_states
-- States of live runs without pending events and without open containers, with their nodes that have jobs, and the
-- number of nodes that wait without one.
SELECT r.id, r.state, array_remove(array_agg(j.node_index), NULL) AS nodes,
       (SELECT count(*) FROM timer t WHERE t.run = r.id AND t.kind = 'wait')
           + (SELECT count(*) FROM approval a WHERE a.run = r.id)
           + (SELECT count(*) FROM pause p WHERE p.run = r.id)
           + (SELECT count(*) FROM gate_wait w WHERE w.run = r.id AND w.job <> r.id)
           + (SELECT count(*) FROM step_debounce d WHERE d.run = r.id) AS waits
FROM run_live r
LEFT JOIN job_live j ON j.run = r.id
WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.run = r.id)
  AND NOT EXISTS (SELECT FROM timer t WHERE t.run = r.id AND t.kind = 'start')
  AND NOT EXISTS (SELECT FROM counter c WHERE c.run = r.id)
GROUP BY r.id LIMIT 10000

-- name: ticks_of_no_run
-- A tick that waits for the end of a run, or of a dynamic_skip script, has that run, live or ended.
SELECT t.schedule AS id, 'tick ' || t.tick_at || ' of ' || t.path || ' waits for a run that does not exist' AS problem
FROM schedule_tick t
WHERE t.state IN ('asking', 'running') AND NOT EXISTS (SELECT FROM run_live l WHERE l.id = coalesce(t.run, t.asked))
  AND NOT EXISTS (SELECT FROM run r WHERE r.id = coalesce(t.run, t.asked)) LIMIT 100
