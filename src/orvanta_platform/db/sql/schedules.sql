-- name: get
-- One schedule.
SELECT s.id, s.workspace, s.path, s.cron, s.timezone, s.enabled, s.next_at, s.missed, s.script_path, s.is_flow, s.args,
       s.tag, s.retry, s.no_flow_overlap, s.paused_until, s.dynamic_skip, s.on_failure, s.on_failure_times,
       s.on_failure_exact, s.on_failure_extra_args, s.on_recovery, s.on_recovery_times, s.on_recovery_extra_args,
       s.on_success, s.on_success_extra_args, s.ws_error_handler_muted, s.summary, s.description, s.cron_version,
       s.labels, s.error, s.permissioned_as, s.email, s.scopes, s.extra_perms, s.created_by, s.edited_by, s.edited_at
FROM schedule s
WHERE s.workspace = $1 AND s.path = $2

-- name: lock
-- One schedule, locked until the transaction ends.
SELECT s.id, s.workspace, s.path, s.cron, s.timezone, s.enabled, s.next_at, s.missed, s.script_path, s.is_flow, s.args,
       s.tag, s.retry, s.no_flow_overlap, s.paused_until, s.dynamic_skip, s.on_failure, s.on_failure_times,
       s.on_failure_exact, s.on_failure_extra_args, s.on_recovery, s.on_recovery_times, s.on_recovery_extra_args,
       s.on_success, s.on_success_extra_args, s.ws_error_handler_muted, s.summary, s.description, s.cron_version,
       s.labels, s.error, s.permissioned_as, s.email, s.scopes, s.extra_perms, s.created_by, s.edited_by, s.edited_at
FROM schedule s
WHERE s.workspace = $1 AND s.path = $2
FOR NO KEY UPDATE

-- name: get_by_id
-- The schedule of a tick.
SELECT s.id, s.workspace, s.path, s.cron, s.timezone, s.enabled, s.next_at, s.missed, s.script_path, s.is_flow, s.args,
       s.tag, s.retry, s.no_flow_overlap, s.paused_until, s.dynamic_skip, s.on_failure, s.on_failure_times,
       s.on_failure_exact, s.on_failure_extra_args, s.on_recovery, s.on_recovery_times, s.on_recovery_extra_args,
       s.on_success, s.on_success_extra_args, s.ws_error_handler_muted, s.summary, s.description, s.cron_version,
       s.labels, s.error, s.permissioned_as, s.email, s.scopes, s.extra_perms, s.created_by, s.edited_by, s.edited_at
FROM schedule s
WHERE s.id = $1

-- name: lock_by_id
-- The schedule with this id, locked until the transaction ends.
SELECT s.id, s.workspace, s.path, s.cron, s.timezone, s.enabled, s.next_at, s.missed, s.script_path, s.is_flow, s.args,
       s.tag, s.retry, s.no_flow_overlap, s.paused_until, s.dynamic_skip, s.on_failure, s.on_failure_times,
       s.on_failure_exact, s.on_failure_extra_args, s.on_recovery, s.on_recovery_times, s.on_recovery_extra_args,
       s.on_success, s.on_success_extra_args, s.ws_error_handler_muted, s.summary, s.description, s.cron_version,
       s.labels, s.error, s.permissioned_as, s.email, s.scopes, s.extra_perms, s.created_by, s.edited_by, s.edited_at
FROM schedule s
WHERE s.id = $1
FOR NO KEY UPDATE

-- name: list
-- A page of the readable schedules by path. $6 and $7 are those of the target; $14: contained in the arguments; $15:
-- paths after this one; $18: at these paths only.
SELECT s.id, s.workspace, s.path, s.cron, s.timezone, s.enabled, s.next_at, s.missed, s.script_path, s.is_flow, s.args,
       s.tag, s.retry, s.no_flow_overlap, s.paused_until, s.dynamic_skip, s.on_failure, s.on_failure_times,
       s.on_failure_exact, s.on_failure_extra_args, s.on_recovery, s.on_recovery_times, s.on_recovery_extra_args,
       s.on_success, s.on_success_extra_args, s.ws_error_handler_muted, s.summary, s.description, s.cron_version,
       s.labels, s.error, s.permissioned_as, s.email, s.scopes, s.extra_perms, s.created_by, s.edited_by, s.edited_at
FROM schedule s
WHERE s.workspace = $1
  AND ($2 OR s.path LIKE ANY ($3::text[]) OR s.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR s.path LIKE ANY ($5))
  AND ($6::text IS NULL OR s.script_path = $6)
  AND ($7::boolean IS NULL OR s.is_flow = $7)
  AND ($8::text IS NULL OR starts_with(s.path, $8))
  AND ($9::text IS NULL OR s.path = $9)
  AND ($10::text IS NULL OR position(lower($10) IN lower(s.description)) > 0)
  AND ($11::text IS NULL OR position(lower($11) IN lower(s.summary)) > 0)
  AND ($12::text IS NULL OR $12 = ANY (s.labels))
  AND ($13::text IS NULL
       OR position(lower($13) IN lower(concat_ws(' ', s.path, s.script_path, s.summary, s.description))) > 0)
  AND ($14::jsonb IS NULL OR s.args::jsonb @> $14)
  AND s.path > $15
  AND ($18::text[] IS NULL OR s.path = ANY ($18))
ORDER BY s.path LIMIT $16 OFFSET $17

-- name: list_next_ticks
-- The next ticks before $6 of the enabled schedules of a workspace that are visible (as in list), the first $7.
SELECT s.path, s.script_path, s.is_flow, s.timezone, s.next_at AS at
FROM schedule s
WHERE s.workspace = $1 AND s.enabled AND s.next_at < $6
  AND ($2 OR s.path LIKE ANY ($3::text[]) OR s.extra_perms ?| $4::text[])
  AND ($5::text[] IS NULL OR s.path LIKE ANY ($5))
ORDER BY s.next_at, s.path LIMIT $7

-- name: insert
-- Adds a schedule; returns no row if the path is taken.
INSERT INTO schedule (workspace, id, path, script_path, is_flow, enabled, cron, timezone, next_at, missed, args, tag,
                      retry, no_flow_overlap, paused_until, dynamic_skip, on_failure, on_failure_times,
                      on_failure_exact, on_failure_extra_args, on_recovery, on_recovery_times, on_recovery_extra_args,
                      on_success, on_success_extra_args, ws_error_handler_muted, summary, description, cron_version,
                      labels, permissioned_as, email, scopes, created_by, edited_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $34)
ON CONFLICT DO NOTHING
RETURNING path

-- name: update
-- Changes a schedule except its target, and clears its last error.
UPDATE schedule
SET cron = $3, timezone = $4, next_at = $5, missed = $6, args = $7, tag = $8, retry = $9, no_flow_overlap = $10,
    paused_until = $11, dynamic_skip = $12, on_failure = $13, on_failure_times = $14, on_failure_exact = $15,
    on_failure_extra_args = $16, on_recovery =
       $17, on_recovery_times = $18, on_recovery_extra_args = $19, on_success = $20, on_success_extra_args = $21,
       ws_error_handler_muted = $22, summary = $23, description = $24, cron_version = $25, labels = $26,
       permissioned_as = $27, email =
       $28, scopes = $29,
       edited_by = $30, edited_at = app_now(), error = NULL
WHERE workspace = $1 AND path = $2

-- name: set_target
-- Changes what a schedule runs.
UPDATE schedule SET script_path = $3, is_flow = $4 WHERE workspace = $1 AND path = $2

-- name: set_enabled
-- Enables a schedule with its next tick at $4, or disables it.
UPDATE schedule
SET enabled = $3, next_at = $4, error = NULL, edited_by = $5, edited_at = app_now()
WHERE workspace = $1 AND path = $2

-- name: delete
-- Deletes a schedule; the records of its ticks remain.
DELETE FROM schedule WHERE workspace = $1 AND path = $2

-- name: get_time
-- The time of the database, which schedules use.
SELECT app_now()

-- name: list_due
-- Enabled schedules with a tick due after $2, the longest due first, and the current time.
SELECT s.id, s.workspace, s.path, s.cron, s.timezone, s.enabled, s.next_at, s.missed, s.script_path, s.is_flow, s.args,
       s.tag, s.retry, s.no_flow_overlap, s.paused_until, s.dynamic_skip, s.on_failure, s.on_failure_times,
       s.on_failure_exact, s.on_failure_extra_args, s.on_recovery, s.on_recovery_times, s.on_recovery_extra_args,
       s.on_success, s.on_success_extra_args, s.ws_error_handler_muted, s.summary, s.description, s.cron_version,
       s.labels, s.error, s.permissioned_as, s.email, s.scopes, s.extra_perms, s.created_by, s.edited_by, s.edited_at,
       app_now() AS now
FROM schedule s
WHERE s.enabled AND s.next_at <= app_now() AND s.next_at > $2
ORDER BY s.next_at LIMIT $1

-- name: get_next_tick
-- The next tick of all schedules after $1, null if there is none; whether there are ticks whose run or handlers are
-- unfinished (the order selects an index; EXISTS may scan the table); and the current time.
SELECT (SELECT s.next_at FROM schedule s WHERE s.enabled AND s.next_at > $1 ORDER BY s.next_at LIMIT 1) AS next_at,
       coalesce(
           (SELECT true FROM schedule_tick t WHERE t.state IN ('asking', 'running')
            ORDER BY t.schedule, t.tick_at LIMIT 1),
           (SELECT true FROM schedule_tick t WHERE t.owed <> '{}' ORDER BY t.schedule, t.tick_at LIMIT 1),
           false) AS has_unfinished,
       app_now() AS now

-- name: claim_tick
-- Compare-and-set of a tick; returns no row if it was claimed, or if the schedule changed since it was read.
UPDATE schedule
SET next_at = $3
WHERE id = $1 AND enabled AND next_at = $2 AND edited_at = $4
RETURNING id

-- name: set_error
-- Records why a tick or a handler could not start; null: it started.
UPDATE schedule SET error = $2 WHERE id = $1 AND error IS DISTINCT FROM $2
