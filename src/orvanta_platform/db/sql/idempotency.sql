-- name: claim_idempotency_key
-- Records the run of this key; returns no row if the key has one that is younger than a day.
INSERT INTO idempotency AS i (workspace, caller, path, key, run, input)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (workspace, caller, path, key) DO UPDATE SET run = excluded.run, input = excluded.input,
created_at = app_now()
    WHERE i.created_at < app_now() - interval '24 hours'
RETURNING run

-- name: idempotent_run
-- The run that was started with this key, and its input.
SELECT run, input
FROM idempotency
WHERE workspace = $1 AND caller = $2 AND path = $3 AND key = $4

-- name: delete_expired_idempotency_keys
-- Deletes keys that have expired an hour ago, so that none is in use.
DELETE FROM idempotency WHERE created_at < app_now() - interval '25 hours'
