-- name: resolve_path
-- The version that a run by path takes, with what permission needs of the item. $4: the newest one accepted for this
-- member; null: the current one.
SELECT v.id, v.kind, v.path, v.hash, v.document, v.format, v.language, v.settings, v.permissioned_as, v.lock_state, v.lock_error, i.extra_perms, i.created_by,
       i.archived OR v.archived AS archived
FROM item i
JOIN version v ON v.id = CASE WHEN $4::text IS NULL THEN i.version ELSE accepted_version(i.workspace, i.kind, i.path, $4) END
WHERE i.workspace = $1 AND i.kind = $2 AND i.path = $3

-- name: resolve_hash
-- The script version with this hash.
SELECT v.id, v.kind, v.path, v.hash, v.document, v.format, v.language, v.settings, v.permissioned_as, v.lock_state, v.lock_error, i.extra_perms, i.created_by, v.archived
FROM version v JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.kind = 'script' AND v.hash = $2
ORDER BY v.id DESC LIMIT 1

-- name: resolve_version
-- The flow version with this id.
SELECT v.id, v.kind, v.path, v.hash, v.document, v.format, v.language, v.settings, v.permissioned_as, v.lock_state, v.lock_error, i.extra_perms, i.created_by, v.archived
FROM version v JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.kind = 'flow' AND v.id = $2

-- name: resolve_pins
-- What each script path of a workflow resolves to now, in one query. $3 as $4 of resolve_path.
SELECT i.path, v.id, v.document, v.language, v.settings, v.permissioned_as, v.lock_state, i.extra_perms, i.created_by
FROM item i
JOIN version v ON v.id = CASE WHEN $3::text IS NULL THEN i.version ELSE accepted_version(i.workspace, i.kind, i.path, $3) END
WHERE i.workspace = $1 AND i.kind = 'script' AND i.path = ANY($2::text[]) AND NOT i.archived AND NOT v.archived

-- name: resolve_flow_pins
-- What each workflow path of a workflow resolves to now. $3 as $4 of resolve_path.
SELECT i.path, v.id, v.document, v.language, v.settings, v.permissioned_as, v.lock_state, i.extra_perms, i.created_by
FROM item i
JOIN version v ON v.id = CASE WHEN $3::text IS NULL THEN i.version ELSE accepted_version(i.workspace, i.kind, i.path, $3) END
WHERE i.workspace = $1 AND i.kind = 'flow' AND i.path = ANY($2::text[]) AND NOT i.archived AND NOT v.archived

-- name: resolve_pinned_hashes
-- Scripts that a workflow names by version hash.
SELECT v.hash, v.path, v.id, v.document, v.language, v.settings, v.permissioned_as, v.lock_state, i.extra_perms, i.created_by
FROM version v JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.kind = 'script' AND v.hash = ANY($2::text[])

-- name: items_of
-- The items of these versions, without archived ones.
SELECT v.id, i.kind, i.path, i.extra_perms, i.created_by
FROM version v JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.workspace = $1 AND v.id = ANY($2::bigint[]) AND NOT i.archived

-- name: insert_document
-- Keep these bytes; nothing happens where they are kept already.
INSERT INTO document (hash, body) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: get_document
-- The bytes of a workflow or script.
SELECT body FROM document WHERE hash = $1

-- name: insert_pin_set
-- Keep this pin set; nothing happens where it is kept already.
INSERT INTO pin_set (hash, pins) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: get_pin_set
-- A pin set by its hash.
SELECT pins FROM pin_set WHERE hash = $1

-- name: insert_run
-- A new run, before its first step.
INSERT INTO run_live (id, workspace, kind, path, version, document, language, pin_set, engine_version, state, status, priority, queue,
                      parent, root, trigger, created_by, email, permissioned_as, scheduled_at, seed, timeout_s, scopes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11, $12, $13, $14, $15, $16, $17, $18, coalesce($19, app_now()), $20, $21, $22)

-- name: claim_idempotency_key
-- Remember the run of this key; no row back where the key has one already, younger than a day.
INSERT INTO idempotency AS i (workspace, caller, path, key, run, input) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace, caller, path, key) DO UPDATE SET run = excluded.run, input = excluded.input, created_at = app_now()
    WHERE i.created_at < app_now() - interval '24 hours'
RETURNING run

-- name: idempotent_run
-- The run that was started with this key, and with which input.
SELECT run, input FROM idempotency WHERE workspace = $1 AND caller = $2 AND path = $3 AND key = $4

-- name: forget_idempotency_keys
-- Keys that a repetition would give a new run, and has for an hour: nobody is just reading them.
DELETE FROM idempotency WHERE created_at < app_now() - interval '25 hours'

-- name: lock_run
-- The run, locked before anything of it is read: the slow path waits for the lock.
SELECT id, workspace, kind, path, version, document, language, pin_set, engine_version, rev, state, status, cancel_at, priority,
       queue, parent, root, created_by, email, permissioned_as, seed, timeout_s, created_at, scheduled_at, scopes
FROM run_live WHERE id = $1 FOR NO KEY UPDATE

-- name: is_held
-- Whether another transaction has the run, which nothing can step meanwhile.
SELECT EXISTS (SELECT FROM run_live WHERE id = $1)
   AND NOT EXISTS (SELECT FROM (SELECT id FROM run_live WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED) AS free)

-- name: get_live_run
-- The run as it stands, without a lock.
SELECT id, workspace, kind, path, version, document, language, pin_set, engine_version, rev, state, status, cancel_at, priority,
       queue, parent, root, created_by, email, permissioned_as, seed, timeout_s, created_at, scheduled_at, scopes
FROM run_live WHERE id = $1

-- name: get_live_runs
-- The same of several.
SELECT id, workspace, kind, path, version, document, language, pin_set, engine_version, rev, state, status, cancel_at, priority,
       queue, parent, root, created_by, email, permissioned_as, seed, timeout_s, created_at, scheduled_at, scopes
FROM run_live WHERE id = ANY($1::uuid[])

-- name: seed_of
-- The random number that a run drew when it began, under way or ended.
SELECT seed FROM run_live WHERE id = $1 UNION ALL SELECT seed FROM run WHERE id = $1 LIMIT 1

-- name: run_of
-- The live run that an id means: the run itself, or that of its job.
SELECT r.id, r.workspace, r.path, r.created_by, r.permissioned_as, r.scopes, j.id AS job, j.node
FROM run_live r LEFT JOIN job_live j ON j.id = $1 AND j.run = r.id
WHERE r.id = coalesce((SELECT run FROM job_live WHERE id = $1), $1) AND r.workspace = $2

-- name: request_cancel
-- The one compare-and-set of a cancel; no row back where one was asked for before or the run has ended.
UPDATE run_live SET cancel_at = app_now(), cancel_by = $2, cancel_reason = $3, status = 'cancelling', rev = rev + 1
WHERE id = $1 AND cancel_at IS NULL
RETURNING id

-- name: set_timer
-- When something is due for a run or its job; of two times the earlier one.
INSERT INTO timer (run, job, kind, due_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (run, job, kind) DO UPDATE SET due_at = least(timer.due_at, excluded.due_at)

-- name: set_timer_in
-- The same, in seconds from now.
INSERT INTO timer (run, job, kind, due_at) VALUES ($1, $2, $3, app_now() + make_interval(secs => $4))
ON CONFLICT (run, job, kind) DO UPDATE SET due_at = least(timer.due_at, excluded.due_at)

-- name: ended_run
-- How a run ended.
SELECT id, workspace, path, status, recovered, error_name, result_of, created_by, permissioned_as FROM run WHERE id = $1

-- name: insert_inbox
-- An event for a run, durable before anybody acts on it; nothing where the run is not alive.
INSERT INTO inbox (run, event) SELECT r.id, $2 FROM run_live r WHERE r.id = $1 RETURNING seq

-- name: read_inbox
-- The events of a run that were not taken in, in order.
SELECT seq, event FROM inbox WHERE run = $1 ORDER BY seq LIMIT 200

-- name: take_from_inbox
-- Events of a run that change nothing in it: taken in.
DELETE FROM inbox WHERE run = $1 AND seq = ANY($2::bigint[])

-- name: forget_inbox
-- Events that came after the run's end.
DELETE FROM inbox WHERE run = $1

-- name: stale_inbox
-- Runs with events after $1 that nobody has taken in for a second.
SELECT DISTINCT run FROM inbox WHERE created_at > $1 AND created_at < app_now() - interval '1 second' LIMIT 200

-- name: run_before
-- What a run that has ended was made of, for one that goes on from it.
SELECT id, kind, path, version, document, pin_set, parent, status, priority, state FROM run WHERE id = $1

-- name: repeated_run
-- What a run says of the one that it repeats; its history begins with it.
SELECT CASE WHEN (data ->> 'retry')::boolean THEN 'retry' ELSE kind END AS kind, node, (data ->> 'run')::uuid AS run
FROM (SELECT * FROM event WHERE run = $1 ORDER BY seq LIMIT 10) e
WHERE kind IN ('restart', 'rerun') ORDER BY seq LIMIT 1

-- name: version_numbers
-- The places of versions in the histories of their paths, and whether runs by path take them.
SELECT v.id, v.number, coalesce(i.version = v.id, false) AS current
FROM version v LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE v.id = ANY($1::bigint[])

-- name: last_success
-- The last run of a path before another one that ended well, among the 10,000 runs of the workspace before it.
SELECT id FROM (SELECT id, kind, path, status, skipped, parent FROM run WHERE workspace = $1 AND id < $4 ORDER BY id DESC LIMIT 10000) r
WHERE kind = $2 AND path = $3 AND status = 'succeeded' AND NOT skipped
ORDER BY id DESC LIMIT 1

-- name: living
-- Those of these runs that have not ended.
SELECT id FROM run_live WHERE id = ANY($1::uuid[])
