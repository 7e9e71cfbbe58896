-- 20,000 waiting runs, each with an input, a job, a timer and an event, and 20,000 ended runs.
-- All are in the middle of a week, so that one partition contains them on any day.

CREATE TEMPORARY TABLE midweek AS
SELECT date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '3 days' AS at;

INSERT INTO run_live (id, workspace, kind, engine_version, state, status, root, trigger, created_by, email, permissioned_as, seed)
SELECT id, CASE WHEN g % 3 = 0 THEN 'other' ELSE 'main' END, 'flow', 1, '', 'running', id, 'api', 'ann', 'ann@example.com',
       'u/ann', 1
FROM (SELECT g, uuid_at(at - g * interval '1 second') AS id FROM midweek, generate_series(1, 20000) g) s;

INSERT INTO job_live (id, run, workspace, node, node_index, kind, queue, priority, lane, seq, state, enqueued_at)
SELECT ('ffff' || substr(id::text, 5))::uuid, id, workspace, 'a', 0, 'flowscript', (ARRAY['python3', 'bash', 'native'])[1 + n % 3],
       CASE WHEN n % 7 = 0 THEN 5 ELSE 0 END, n % 2, n, 'available', app_now()
FROM (SELECT *, row_number() OVER () AS n FROM run_live) r;

INSERT INTO value (id, kind, size, body) SELECT id, 'args', 2, '{}' FROM run_live;

INSERT INTO timer (run, job, kind, due_at)
SELECT run, id, 'retry', app_now() + interval '1 day' + seq * interval '1 second' FROM job_live;

INSERT INTO inbox (run, event, created_at)
SELECT run, '{}', app_now() + interval '1 day' + seq * interval '1 second' FROM job_live;

INSERT INTO run (id, workspace, kind, engine_version, state, status, root, trigger, created_by, email, permissioned_as, seed,
                 priority, created_at, scheduled_at, ended_at)
SELECT id, 'main', 'flow', 1, '', 'succeeded', id, 'api', 'ann', 'ann@example.com', 'u/ann', 1, 0, app_now(), app_now(), app_now()
FROM (SELECT uuid_at(at - g * interval '1 second' - interval '1 ms') AS id FROM midweek, generate_series(1, 20000) g) s;

INSERT INTO job (id, run, workspace, node, node_index, kind, state, enqueued_at, ended_at)
SELECT (left(id::text, 35) || '1')::uuid, id, workspace, 'a', 0, 'flowscript', 'succeeded', app_now(), app_now()
FROM run;

INSERT INTO workspace (id, name, owner) VALUES ('main', 'main', 'ann') ON CONFLICT DO NOTHING;

INSERT INTO schedule (id, workspace, path, cron, timezone, enabled, next_at, script_path, is_flow, permissioned_as, email,
                      created_by, edited_by)
SELECT uuid_at(at - g * interval '1 second'), 'main', 'f/many/s' || g, '0 0 * * * *', 'UTC', g % 10 > 0,
       CASE WHEN g % 10 > 0 THEN app_now() + interval '1 day' + g * interval '1 second' END, 'f/many/work', false, 'u/ann', 'ann@example.com',
       'ann', 'ann'
FROM midweek, generate_series(1, 20000) g;

INSERT INTO schedule_tick (schedule, tick_at, workspace, path, state, run, outcome, ended_at)
SELECT s.id, app_now() - n * interval '1 hour', 'main', s.path, CASE WHEN n = 0 THEN 'running' ELSE 'ended' END, s.id,
       CASE WHEN n > 0 THEN 'succeeded' END, CASE WHEN n > 0 THEN app_now() END
FROM schedule s, generate_series(0, 3) n;

-- 2,000 limits: one with 18,000 waiting entries, the others with one each.
INSERT INTO gate (key, workspace, name, places, in_use, due_at)
SELECT sha256(g::text::bytea), 'main', 'main/' || g, 1, 1, CASE WHEN g % 10 = 0 THEN app_now() + interval '1 day' + g * interval '1 second' END
FROM generate_series(0, 1999) g;

INSERT INTO gate_wait (job, run, key, priority)
SELECT id, run, sha256(greatest(seq - 18000, 0)::text::bytea), seq % 7 FROM job_live;

-- 20,000 debounced steps that wait for later ones.
INSERT INTO step_debounce (key, run, job, due_at)
SELECT sha256(id::text::bytea), run, id, app_now() + interval '1 day' + seq * interval '1 second' FROM job_live;

-- 20,000 approvals, and a decision on each.
INSERT INTO approval (run, job, workspace, node, kind)
SELECT run, id, workspace, 'ask', 'approval' FROM job_live;

INSERT INTO decision (job, resume_id, run, approved, approver, member, payload)
SELECT id, 1, run, true, 'ann', true, '{}' FROM job_live;
