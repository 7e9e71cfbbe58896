-- name: lock
-- Waits for other processes that compare the conditions of a scope with the alerts.
SELECT pg_advisory_xact_lock(hashtextextended('alerts ' || $1, 0))

-- name: list_all
-- Alerts that are raised, the oldest first; at most $1.
SELECT key, kind, subject, workspace, detail, since FROM alert ORDER BY since, key LIMIT $1

-- name: list_keys
-- Keys of the alerts that start with one of these prefixes.
SELECT key FROM alert WHERE EXISTS (SELECT FROM unnest($1::text[]) AS prefix WHERE starts_with(key, prefix))

-- name: raise_alerts
-- Raises alerts and queues a message for each of these channels ($6); those that are raised already are skipped. A
-- message has the English sentence of the reason, which ends at the separator of its code.
WITH raised AS (
    INSERT INTO alert (key, kind, subject, workspace, detail)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    ON CONFLICT DO NOTHING
    RETURNING kind, subject, workspace, detail, since
), messages AS (
    INSERT INTO alert_message (id, channel, kind, subject, workspace, detail, since)
    SELECT gen_random_uuid(), c.channel, r.kind, r.subject, r.workspace, split_part(r.detail, chr(30), 1), r.since
    FROM raised r
    CROSS JOIN unnest($6::text[]) AS c(channel)
)
SELECT kind, subject FROM raised

-- name: end_alerts
-- Ends alerts, and queues a message for each of these channels ($2).
WITH ended AS (
    DELETE FROM alert WHERE key = ANY ($1::text[])
    RETURNING kind, subject, workspace, detail, since
), messages AS (
    INSERT INTO alert_message (id, channel, kind, subject, workspace, detail, since, ended_at)
    SELECT gen_random_uuid(), c.channel, e.kind, e.subject, e.workspace, split_part(e.detail, chr(30), 1), e.since,
           app_now()
    FROM ended e
    CROSS JOIN unnest($2::text[]) AS c(channel)
)
SELECT kind, subject FROM ended

-- name: queue_event
-- Queues a message about an event for each of these channels ($5).
INSERT INTO alert_message (id, channel, kind, subject, workspace, detail, since)
SELECT gen_random_uuid(), c.channel, $1, $2, $3, $4, app_now()
FROM unnest($5::text[]) AS c (channel)

-- name: claim_due
-- Claims up to $1 messages that are due, with an increasing delay before the next attempt.
UPDATE alert_message m
SET tries = m.tries + 1, due_at = app_now() + make_interval(secs => least(3600, 15 * 2 ^ m.tries))
FROM (SELECT id FROM alert_message WHERE due_at <= app_now() ORDER BY due_at LIMIT $1
      FOR NO KEY UPDATE SKIP LOCKED) due
WHERE m.id = due.id
RETURNING m.id, m.channel, m.kind, m.subject, m.workspace, m.detail, m.since, m.ended_at, m.tries

-- name: delete_message
-- Deletes a message that was sent or abandoned.
DELETE FROM alert_message WHERE id = $1

-- name: store_failure
-- Records that a message of a channel ($1) could not be sent.
INSERT INTO alert_failure (channel, error) VALUES ($1, $2)
ON CONFLICT (channel) DO UPDATE SET error = excluded.error, failed_at = excluded.failed_at

-- name: delete_failure
-- Forgets the failure of a channel.
DELETE FROM alert_failure WHERE channel = $1

-- name: is_check_needed
-- Returns true if alerts are configured, or rows are left from when they were.
SELECT EXISTS (SELECT FROM instance_setting WHERE name = 'alerts')
    OR EXISTS (SELECT FROM alert)
    OR EXISTS (SELECT FROM alert_failure) AS is_needed

-- name: delete_failures_of_others
-- Forgets the failures of channels that are not among these.
DELETE FROM alert_failure WHERE channel <> ALL ($1::text[])

-- name: list_failures
-- Failures of channels, by their names.
SELECT channel, error, failed_at FROM alert_failure ORDER BY channel

-- name: list_last_outcomes
-- The last outcome of each deployed workflow and script among these runs, which have ended, without cancelled runs and
-- those of sub-workflows. A failure does not count if a run that was created later has succeeded already.
SELECT DISTINCT ON (r.workspace, r.kind, r.path)
       r.workspace, r.kind, r.path, coalesce(v.settings ->> 'summary', '') AS summary, r.id AS run, r.status = 'failed'
       AND NOT EXISTS (SELECT FROM run n WHERE n.workspace = r.workspace AND n.id > r.id AND n.kind = r.kind
                       AND n.path = r.path AND n.status = 'succeeded') AS failed
FROM run r
LEFT JOIN version v ON v.id = r.version
WHERE r.id = ANY ($1::uuid[]) AND r.version IS NOT NULL AND r.parent IS NULL AND r.path IS NOT NULL
  AND r.status IN ('succeeded', 'failed')
ORDER BY r.workspace, r.kind, r.path, r.ended_at DESC
