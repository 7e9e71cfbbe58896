-- name: insert_tick
-- Inserts the outcome of a tick. Its key ensures that each tick is processed once.
INSERT INTO schedule_tick (schedule, tick_at, workspace, path, state, run, asked, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: record_skip_answer
-- Records the answer of the dynamic_skip script of this tick; returns no row if it was recorded before.
UPDATE schedule_tick
SET state = $3, run = $4, detail = $5
WHERE schedule = $1 AND tick_at = $2 AND state = 'asking'
RETURNING schedule

-- name: is_running
-- Returns true if a run of this schedule is live.
SELECT EXISTS (SELECT FROM schedule_tick t JOIN run_live r ON r.id = t.run
               WHERE t.schedule = $1 AND t.state = 'running')

-- name: list_open
-- Ticks after this one whose run or dynamic_skip script had not ended when last checked, with its current status.
SELECT t.schedule, t.tick_at, t.path, t.state, t.run, t.asked, r.status, r.result_of, r.started_at, r.ended_at,
       coalesce(s.on_failure, s.on_recovery, s.on_success) IS NOT NULL AS handled
FROM (SELECT * FROM schedule_tick o
      WHERE o.state IN ('asking', 'running') AND (o.schedule, o.tick_at) > ($1::uuid, $2::timestamptz)
      ORDER BY o.schedule, o.tick_at LIMIT $3) t
LEFT JOIN LATERAL (SELECT * FROM run e WHERE e.id = coalesce(t.run, t.asked) LIMIT 1) r ON true
LEFT JOIN LATERAL (SELECT * FROM schedule e WHERE e.id = t.schedule LIMIT 1) s ON true

-- name: record_ends
-- Records the ends of runs of schedules without handlers.
UPDATE schedule_tick t
SET state = 'ended', outcome = e.outcome, ended_at = e.ended_at
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::timestamptz[]) AS e(schedule, tick_at, outcome, ended_at)
WHERE t.schedule = e.schedule AND t.tick_at = e.tick_at AND t.state = 'running'

-- name: record_end
-- Records the end of a run; returns no row if it was recorded before.
UPDATE schedule_tick
SET state = 'ended', outcome = $3, ended_at = $4
WHERE schedule = $1 AND tick_at = $2 AND state = 'running'
RETURNING schedule

-- name: count_streak
-- Number of runs of a schedule that ended as $2 since one ended as $3, and whether one ever did.
SELECT count(*) AS alike, max(other.at) IS NOT NULL AS turned
FROM (SELECT max(o.ended_at) AS at FROM schedule_tick o
      WHERE o.schedule = $1 AND o.state = 'ended' AND o.outcome = $3) other
LEFT JOIN schedule_tick t ON t.schedule = $1 AND t.state = 'ended' AND t.outcome = $2
     AND t.ended_at > coalesce(other.at, '-infinity')

-- name: set_pending_handlers
-- Records the handlers to be started for the end of this tick's run.
UPDATE schedule_tick
SET streak = $3, owed = $4
WHERE schedule = $1 AND tick_at = $2

-- name: list_pending_handlers
-- Ticks with handlers to be started, and the outcomes of their runs.
SELECT t.schedule, t.tick_at, t.run, t.streak, t.owed, r.result_of, r.started_at
FROM (SELECT * FROM schedule_tick o WHERE o.owed <> '{}' ORDER BY o.schedule, o.tick_at LIMIT $1) t
LEFT JOIN LATERAL (SELECT * FROM run e WHERE e.id = t.run LIMIT 1) r ON true

-- name: remove_pending_handler
-- Records that this handler was started or never will be; returns no row if that was recorded before.
UPDATE schedule_tick
SET owed = array_remove(owed, $3)
WHERE schedule = $1 AND tick_at = $2 AND $3 = ANY (owed)
RETURNING schedule

-- name: list_last
-- The newest ticks of each of these schedules, with the durations of their runs; at most $2 of each.
SELECT t.schedule, t.tick_at, t.state, t.run, t.outcome, t.detail,
       extract(epoch FROM r.ended_at - r.started_at)::double precision * 1000 AS duration_ms
FROM unnest($1::uuid[]) AS wanted(id)
CROSS JOIN LATERAL (SELECT * FROM schedule_tick n WHERE n.schedule = wanted.id ORDER BY n.tick_at DESC LIMIT $2) t
LEFT JOIN LATERAL (SELECT * FROM run e WHERE e.id = t.run LIMIT 1) r ON true
ORDER BY t.schedule, t.tick_at DESC

-- name: list_between
-- The newest ticks of each of these schedules from $2 until $3; at most $4 of each.
SELECT t.schedule, t.tick_at, t.state, t.run, t.outcome, t.detail, NULL::double precision AS duration_ms
FROM unnest($1::uuid[]) AS wanted(id)
CROSS JOIN LATERAL (SELECT * FROM schedule_tick n WHERE n.schedule = wanted.id AND n.tick_at >= $2 AND n.tick_at < $3
                    ORDER BY n.tick_at DESC LIMIT $4) t
ORDER BY t.tick_at, t.schedule

-- name: get_schedules_of_runs
-- The schedules that started these runs, by path.
SELECT run, path FROM schedule_tick WHERE run = ANY ($1::uuid[])

-- name: delete_old
-- Deletes ticks older than 30 days whose runs are no longer in history.
DELETE FROM schedule_tick d
USING (
    SELECT t.schedule, t.tick_at
    FROM schedule_tick t
    WHERE t.at < app_now() - interval '30 days' AND t.state NOT IN ('asking', 'running')
      AND NOT EXISTS (SELECT FROM run r WHERE r.id = t.run) LIMIT 10000) old
WHERE d.schedule = old.schedule AND d.tick_at = old.tick_at
