-- name: insert_open
-- Inserts the approvals of nodes of a run that start to wait for decisions.
INSERT INTO approval (run, job, workspace, node, kind, message, groups, form, inputs, approvers)
SELECT $1, a.job, $2, a.node, a.kind, a.message, a.groups, a.form, a.inputs, string_to_array(a.approvers, E'\n')
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
    AS a(job, node, kind, message, groups, form, inputs, approvers)

-- name: delete_open
-- Deletes the approvals of nodes of a run, and marks the decision ($3, $4), if any, as counted.
WITH dropped_notices AS (
    DELETE FROM notice
    WHERE run = $1 AND job = ANY($2::uuid[])
), counted_decision AS (
    UPDATE decision
    SET taken = true
    WHERE job = $3 AND resume_id = $4
)
DELETE FROM approval
WHERE run = $1 AND job = ANY($2::uuid[])

-- name: delete_open_of_run
-- Deletes the approvals of a run that has ended.
WITH dropped_notices AS (DELETE FROM notice WHERE run = $1)
DELETE FROM approval
WHERE run = $1

-- name: list_open_of_run
-- Open approvals of a run, the oldest first.
SELECT a.job, a.node, a.kind, a.message, a.groups, a.form, a.inputs, a.opened_at, t.due_at
FROM approval a
LEFT JOIN timer t ON t.run = a.run AND t.job = a.job AND t.kind = 'deadline'
WHERE a.run = $1
ORDER BY a.opened_at, a.node, a.job

-- name: find_decidable_runs
-- Of these runs ($1) of these workspaces ($2), those on which nothing is pending but a first decision about their only
-- open approval: they belong to no caller, and have no decisions, events or live jobs.
SELECT c.n, app_now() AS at, r.*, a.job, a.node, a.approval_kind, a.message, a.groups, a.form, a.inputs, a.opened_at
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS c(run, of_workspace, n)
CROSS JOIN LATERAL (
    SELECT l.id, l.workspace, l.kind, l.path, l.version, l.document, l.language, l.pin_set, l.engine_version, l.rev,
           l.state, l.status, l.cancel_at, l.priority, l.queue, l.parent, l.root, l.created_by, l.email,
           l.permissioned_as, l.seed, l.timeout_s, l.created_at, l.scheduled_at, l.scopes, l.awaited,
           coalesce(i.extra_perms, '{}') AS extra_perms
    FROM run_live l
    LEFT JOIN version v ON v.id = l.version
    LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
    WHERE l.id = c.run AND l.workspace = c.of_workspace AND l.status = 'awaiting_approval' AND l.parent IS NULL
      AND l.cancel_at IS NULL
    OFFSET 0) r
CROSS JOIN LATERAL (
    SELECT o.job, o.node, o.kind AS approval_kind, o.message, o.groups, o.form, o.inputs, o.opened_at,
           count(*) OVER () AS open
    FROM approval o
    WHERE o.run = c.run
    OFFSET 0) a
WHERE a.open = 1
  AND NOT EXISTS (SELECT FROM decision d WHERE d.run = c.run)
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.run = c.run)
  AND NOT EXISTS (SELECT FROM job_live j WHERE j.run = c.run)

-- name: list_open_of_workspace
-- Open approvals of a workspace, the oldest first, at most $2, with the permissions of their runs; those after the one
-- that was opened at $3 by job $4 (null: from the first). The caller may read the run ($5 everything, $6 patterns of
-- paths, $7 its username, $8 its principals), or one of its names and roles $9 is an approver.
SELECT a.job, a.node, a.kind, a.message, a.groups, a.form, a.inputs, a.opened_at, t.due_at, a.run,
       coalesce(i.extra_perms, '{}') AS extra_perms
FROM approval a
JOIN run_live r ON r.id = a.run
LEFT JOIN timer t ON t.run = a.run AND t.job = a.job AND t.kind = 'deadline'
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE a.workspace = $1 AND ($3::timestamptz IS NULL OR (a.opened_at, a.job) > ($3, $4::uuid))
  AND ($5 OR r.path LIKE ANY ($6::text[]) OR r.created_by = $7 OR i.extra_perms ?| $8::text[]
       OR a.approvers IS NULL OR a.approvers && $9::text[])
ORDER BY a.opened_at, a.job LIMIT $2

-- name: find_waiting_run
-- The run whose node with this id waits for a decision.
SELECT run FROM approval WHERE workspace = $1 AND job = $2

-- name: update_waiting_status
-- Updates the status of a locked run with frames or sub-workflows. It awaits approval if it, or a sub-workflow, has an
-- open approval and nothing else can proceed; it is paused if the same holds for a pause without approvals. Returns no
-- row if the status does not change.
UPDATE run_live r
SET status = w.status
FROM (SELECT CASE WHEN NOT s.stands THEN 'running' WHEN s.asks THEN 'awaiting_approval'
                  WHEN s.pauses THEN 'paused' ELSE 'running' END AS status
      FROM (SELECT NOT EXISTS (SELECT FROM run_live c
                               WHERE c.parent = $1 AND c.status NOT IN ('awaiting_approval', 'paused'))
             AND NOT EXISTS (SELECT FROM job_live j WHERE j.run = $1)
             AND NOT EXISTS (SELECT FROM timer t WHERE t.run = $1 AND t.kind IN ('wait', 'retry'))
             AND NOT EXISTS (SELECT FROM gate_wait g WHERE g.run = $1)
             AND NOT EXISTS (SELECT FROM step_debounce d WHERE d.run = $1)
             AS stands,
             EXISTS (SELECT FROM approval a WHERE a.run = $1)
                 OR EXISTS (SELECT FROM run_live c WHERE c.parent = $1 AND c.status = 'awaiting_approval') AS asks,
             EXISTS (SELECT FROM pause p WHERE p.run = $1)
                 OR EXISTS (SELECT FROM run_live c WHERE c.parent = $1 AND c.status = 'paused') AS pauses) s) w
WHERE r.id = $1 AND r.status <> 'cancelling' AND w.status <> r.status
  AND (w.status <> 'running' OR r.status IN ('awaiting_approval', 'paused'))
RETURNING r.status

-- name: list_waiting_sub_workflows
-- Runs of sub-workflows, at any depth, that have open approvals, without runs that a job attached to itself.
WITH RECURSIVE descendants AS (
    SELECT id, 1 AS depth
    FROM run_live
    WHERE parent = $1 AND trigger = 'flow'
    UNION ALL
    SELECT r.id, b.depth + 1
    FROM descendants b
    JOIN run_live r ON r.parent = b.id AND r.trigger = 'flow'
    WHERE b.depth < 32
)
SELECT DISTINCT a.run
FROM descendants b
JOIN approval a ON a.run = b.id
ORDER BY a.run

-- name: insert_decision
-- Inserts a decision, its audit row and the event for its run; returns no row if the resume id was used before, or if
-- the account ($6) has made the same decision before.
WITH new_decision AS (
    INSERT INTO decision (job, resume_id, run, approved, approver, account, member, reason, payload, traceparent)
    VALUES ($1, $2, $3, $4, $5, $6, $6::text IS NOT NULL, $7, $8, $19)
    ON CONFLICT DO NOTHING
    RETURNING run
), audit_row AS (
    INSERT INTO audit (workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address,
                       request_id)
    SELECT $10::text, $11::text, $12::text, $13::text, $14::text, $15::text, $16::jsonb, $17::text, $18::text
    FROM new_decision
)
INSERT INTO inbox (run, event)
SELECT run, $9
FROM new_decision
RETURNING seq

-- name: get_decision
-- The decision made with a resume id.
SELECT job, resume_id, approved, approver, account, reason, payload, at, taken
FROM decision
WHERE job = $1 AND resume_id = $2

-- name: list_uncounted
-- Decisions that a run has not counted, in order.
SELECT job, resume_id, approved, approver, account, reason, payload, at, taken
FROM decision
WHERE run = $1 AND NOT taken
ORDER BY seq

-- name: mark_counted
-- Marks a decision as counted.
UPDATE decision SET taken = true WHERE job = $1 AND resume_id = $2

-- name: list_decisions_of_run
-- All decisions of a run, in order.
SELECT job, resume_id, approved, approver, account, reason, payload, at, taken
FROM decision
WHERE run = $1
ORDER BY seq

-- name: list_decisions_of_runs
-- All decisions of these runs, in order.
SELECT job, resume_id, approved, approver, account, reason, payload, at, taken
FROM decision
WHERE run = ANY($1::uuid[])
ORDER BY seq

-- name: has_signed_approval
-- Returns true if a signed-in person approved at nodes of these numbers in these runs, or in the sub-workflows at $3.
WITH RECURSIVE called AS (
    SELECT id
    FROM run
    WHERE parent = ANY ($1::uuid[]) AND trigger = 'flow' AND path = ANY ($3::text[])
    UNION
    SELECT inner_run.id
    FROM called
    JOIN run AS inner_run ON inner_run.parent = called.id AND inner_run.trigger = 'flow'
)
SELECT EXISTS (SELECT FROM decision AS d JOIN job AS j ON j.id = d.job
               WHERE d.run = ANY ($1) AND d.approved AND d.account IS NOT NULL AND j.node_index = ANY ($2::int[]))
    OR EXISTS (SELECT FROM called JOIN decision AS d ON d.run = called.id WHERE d.approved AND d.account IS NOT NULL)

-- name: delete_orphans
-- Deletes decisions of runs that are neither live nor in history.
DELETE FROM decision d
WHERE d.at < app_now() - interval '1 day'
  AND NOT EXISTS (SELECT FROM run_live r WHERE r.id = d.run) AND NOT EXISTS (SELECT FROM run r WHERE r.id = d.run)
