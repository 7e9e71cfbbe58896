-- name: list_keys
-- The limits at which these nodes, or these runs with all their nodes, are queued or hold permits.
SELECT key
FROM permit
WHERE job = ANY($1::uuid[]) OR run = ANY($2::uuid[])
UNION
SELECT key
FROM gate_wait
WHERE job = ANY($1::uuid[]) OR run = ANY($2::uuid[])

-- name: lock_gates
-- Inserts these limits if they are missing and locks them in order; settings of limits without a new entry are
-- unchanged.
INSERT INTO gate AS g (key, workspace, name, places, window_s)
SELECT k.key, k.workspace, coalesce(k.name, ''), coalesce(k.places, 1), coalesce(k.window_s, 0)
FROM unnest($1::bytea[], $2::text[], $3::text[], $4::integer[], $5::double precision[])
    AS k(key, workspace, name, places, window_s)
ORDER BY k.key
ON CONFLICT (key) DO UPDATE
    SET places = CASE WHEN excluded.name = '' THEN g.places ELSE excluded.places END,
        window_s = CASE WHEN excluded.name = '' THEN g.window_s ELSE excluded.window_s END, used_at = app_now()
RETURNING key, name, places, window_s, in_use, given, starts, app_now() AS now

-- name: delete_entries
-- Releases the permits and queue entries of these nodes, and of these runs with all their nodes.
WITH left_queues AS (
    DELETE FROM gate_wait
    WHERE job = ANY($1::uuid[]) OR run = ANY($2::uuid[])
)
DELETE FROM permit
WHERE job = ANY($1::uuid[]) OR run = ANY($2::uuid[])
RETURNING key, lender

-- name: insert_entries
-- Inserts queue entries; does nothing for a node that is queued or holds its permit.
INSERT INTO gate_wait (job, run, frame, key, priority)
SELECT w.job, w.run, w.frame, w.key, w.priority
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::smallint[]) WITH ORDINALITY
    AS w(job, run, frame, key, priority, n)
WHERE NOT EXISTS (SELECT FROM permit p WHERE p.job = w.job)
ORDER BY w.n
ON CONFLICT (job) DO NOTHING

-- name: list_queue_heads
-- The first entries of each queue, as many as specified, and its longest-waiting entry.
SELECT l.key, w.job, w.run, w.frame, w.eldest
FROM unnest($1::bytea[], $2::integer[]) AS l(key, most)
CROSS JOIN LATERAL (
    (SELECT job, run, frame, priority, seq, false AS eldest FROM gate_wait
     WHERE key = l.key ORDER BY priority DESC, seq LIMIT l.most)
    UNION ALL
    (SELECT job, run, frame, priority, seq, true FROM gate_wait WHERE key = l.key ORDER BY seq LIMIT 1)) w
ORDER BY l.key, w.eldest, w.priority DESC, w.seq

-- name: find_lenders
-- For these queued entries, the enclosing runs, or their own, that hold an unlent permit of the key, innermost first.
WITH RECURSIVE above AS (
    SELECT e.job, e.key, e.n, e.run AS at, 0 AS depth
    FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) WITH ORDINALITY AS e(job, run, key, n)
    UNION ALL
    SELECT a.job, a.key, a.n, r.parent, a.depth + 1
    FROM above a
    JOIN run_live r ON r.id = a.at
    WHERE r.parent IS NOT NULL AND r.trigger = 'flow' AND a.depth < 32
)
SELECT a.job, w.run, p.job AS lender
FROM above a
JOIN permit p ON p.job = a.at AND p.key = a.key
JOIN gate_wait w ON w.job = a.job
WHERE a.job <> p.job AND NOT EXISTS (SELECT FROM permit b WHERE b.lender = p.job)
ORDER BY a.n, a.depth

-- name: find_borrowers
-- For these runs, whose lent permits were released: the first queued entry inside each.
WITH RECURSIVE below AS (
    SELECT l.lender, p.key, l.lender AS at, 0 AS depth
    FROM unnest($1::uuid[]) AS l(lender)
    JOIN permit p ON p.job = l.lender
    UNION ALL
    SELECT b.lender, b.key, r.id, b.depth + 1
    FROM below b
    JOIN run_live r ON r.parent = b.at AND r.trigger = 'flow'
    WHERE b.depth < 32
)
SELECT DISTINCT ON (b.lender) w.job, w.run, b.lender
FROM below b
JOIN gate_wait w ON w.run = b.at AND w.key = b.key
WHERE NOT EXISTS (SELECT FROM permit p WHERE p.lender = b.lender)
ORDER BY b.lender, w.priority DESC, w.seq

-- name: grant
-- Grants permits to queued entries, as loans if a lender is named, and inserts an event for each run.
WITH granted AS (
    DELETE FROM gate_wait
    WHERE job = ANY($1::uuid[])
    RETURNING job, run, frame, key
), permit_events AS (
    INSERT INTO inbox (run, event)
    SELECT g.run, json_build_object('type', 'permitted', 'job', g.job, 'frame', g.frame)
    FROM granted g
)
INSERT INTO permit (job, run, key, lender)
SELECT g.job, g.run, g.key, l.lender
FROM granted g
JOIN unnest($1::uuid[], $2::uuid[]) AS l(job, lender) ON l.job = g.job

-- name: save_gates
-- Writes the new states of locked limits.
UPDATE gate g
SET in_use = s.in_use, given = s.given, starts = s.starts::timestamptz[], due_at = s.due_at
FROM unnest($1::bytea[], $2::integer[], $3::bigint[], $4::text[], $5::timestamptz[])
    AS s(key, in_use, given, starts, due_at)
WHERE g.key = s.key

-- name: list_used_gates
-- Limits whose permits are in use or that have queued entries, the most used first.
SELECT name, sum(in_use)::integer AS in_use
FROM gate g
WHERE in_use > 0 OR EXISTS (SELECT FROM gate_wait w WHERE w.key = g.key)
GROUP BY name
ORDER BY 2 DESC, name LIMIT $1

-- name: list_due_gates
-- Limits whose windows now admit a queued entry.
SELECT key
FROM gate
WHERE due_at <= app_now() AND due_at > $1
ORDER BY due_at LIMIT 50

-- name: delete_unused
-- Deletes limits that were not used for a day.
DELETE FROM gate g
WHERE g.key IN (
    SELECT key
    FROM gate
    WHERE in_use = 0 AND used_at < app_now() - interval '1 day' + make_interval(secs => -window_s)
    ORDER BY key LIMIT 1000
    FOR UPDATE SKIP LOCKED)
  AND NOT EXISTS (SELECT FROM gate_wait w WHERE w.key = g.key)

-- name: find_queue_entry
-- Run and frame of a queued node.
SELECT w.run, w.frame
FROM gate_wait w
JOIN run_live r ON r.id = w.run AND r.workspace = $1
WHERE w.job = $2

-- name: list_limits
-- Queued nodes of one frame of a run (null: of its top level): the limit, the number of entries before each, and the
-- runs of this workspace that hold its permits.
SELECT w.job, w.run, g.name, g.places, g.window_s, g.in_use, g.due_at,
       ((SELECT count(*) FROM (SELECT FROM gate_wait b WHERE b.key = w.key AND b.priority > w.priority LIMIT 1000) x)
        + (SELECT count(*) FROM (SELECT FROM gate_wait b
                                 WHERE b.key = w.key AND b.priority = w.priority AND b.seq < w.seq
                                 LIMIT 1000) y))::integer AS before,
       ARRAY(SELECT DISTINCT p.run FROM (SELECT run FROM permit WHERE key = w.key ORDER BY at LIMIT 20) p
             JOIN run_live r ON r.id = p.run AND r.workspace = $3) AS held_by
FROM gate_wait w
JOIN gate g ON g.key = w.key
WHERE w.run = $1 AND w.frame IS NOT DISTINCT FROM $2
ORDER BY w.seq LIMIT 50

-- name: get_limit
-- The limit at which a node or a run is queued, the number of entries before it, and the runs of this workspace that
-- hold its permits.
SELECT w.job, w.run, g.name, g.places, g.window_s, g.in_use, g.due_at,
       ((SELECT count(*) FROM (SELECT FROM gate_wait b WHERE b.key = w.key AND b.priority > w.priority LIMIT 1000) x)
        + (SELECT count(*) FROM (SELECT FROM gate_wait b
                                 WHERE b.key = w.key AND b.priority = w.priority AND b.seq < w.seq
                                 LIMIT 1000) y))::integer AS before,
       ARRAY(SELECT DISTINCT p.run FROM (SELECT run FROM permit WHERE key = w.key ORDER BY at LIMIT 20) p
             JOIN run_live r ON r.id = p.run AND r.workspace = $2) AS held_by
FROM gate_wait w
JOIN gate g ON g.key = w.key
WHERE w.job = $1

-- name: list_limits_of_runs
-- The limits at which these runs are queued as a whole.
SELECT w.job, w.run, g.name, g.places, g.window_s, g.in_use, g.due_at, NULL::integer AS before, '{}'::uuid[] AS held_by
FROM gate_wait w
JOIN gate g ON g.key = w.key
WHERE w.job = ANY($1::uuid[])
