-- name: get
-- The webhook of a workspace with the wrapped key of its URL.
SELECT w.workspace, w.sealed, w.position::text::bigint AS position, w.tries, w.error, k.version AS key_version,
       k.wrapped, k.wrapped_by
FROM item_webhook AS w
JOIN data_key AS k ON k.workspace = w.workspace AND k.version = w.key_version
WHERE w.workspace = $1;

-- name: store
-- Sets the webhook of a workspace. Changes that were made before are not sent to it.
INSERT INTO item_webhook (workspace, sealed, key_version)
VALUES ($1, $2, $3)
ON CONFLICT (workspace) DO UPDATE
SET sealed = excluded.sealed, key_version = excluded.key_version, position = excluded.position, tries = 0,
    due_at = excluded.due_at, error = NULL;

-- name: delete
-- Deletes the webhook of a workspace.
DELETE FROM item_webhook WHERE workspace = $1 RETURNING workspace;

-- name: claim_due
-- Claims up to $1 webhooks with changes of items that were not sent, with an increasing delay before the next attempt.
UPDATE item_webhook AS w
SET tries = w.tries + 1, due_at = app_now() + make_interval(secs => least(3600, 30 * 2 ^ w.tries))
FROM (
    SELECT o.workspace
    FROM item_webhook AS o
    WHERE o.due_at <= app_now() AND EXISTS (
        SELECT FROM audit AS a
        WHERE a.xid >= o.position AND a.xid < pg_snapshot_xmin(pg_current_snapshot()) AND a.workspace = o.workspace
          AND a.action_kind <> 'Execute' AND split_part(a.operation, '.', 1) = ANY ($2::text[]))
    ORDER BY o.due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) AS due, data_key AS k
WHERE w.workspace = due.workspace AND k.workspace = w.workspace AND k.version = w.key_version
RETURNING w.workspace, w.sealed, w.position::text::bigint AS position, w.tries, w.error, k.version AS key_version,
          k.wrapped, k.wrapped_by;

-- name: skip_others
-- Moves webhooks that have nothing to send past the rows of the audit trail that change no item: no later claim reads
-- them.
UPDATE item_webhook AS w
SET position = pg_snapshot_xmin(pg_current_snapshot())
WHERE w.tries = 0
  AND EXISTS (SELECT FROM audit AS a WHERE a.xid >= w.position AND a.xid < pg_snapshot_xmin(pg_current_snapshot()))
  AND NOT EXISTS (
      SELECT FROM audit AS a
      WHERE a.xid >= w.position AND a.xid < pg_snapshot_xmin(pg_current_snapshot()) AND a.workspace = w.workspace
        AND a.action_kind <> 'Execute' AND split_part(a.operation, '.', 1) = ANY ($1::text[]));

-- name: advance
-- Records that the transactions before $3 were sent or dropped, unless the webhook was changed meanwhile. $4: reason
-- why one was dropped.
UPDATE item_webhook
SET position = $3::bigint::text::xid8, tries = 0, due_at = app_now(), error = $4
WHERE workspace = $1 AND position = $2::bigint::text::xid8;

-- name: set_error
-- Records the reason why an attempt failed, unless the webhook was changed meanwhile.
UPDATE item_webhook SET error = $3 WHERE workspace = $1 AND position = $2::bigint::text::xid8;
