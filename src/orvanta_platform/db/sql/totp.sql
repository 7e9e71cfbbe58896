-- name: get
-- The second step of an account, confirmed or not.
SELECT sealed, key_version, last_step, cardinality(recovery_codes) AS recovery_codes,
       confirmed_at IS NOT NULL AS confirmed
FROM totp
WHERE email = $1;

-- name: enrol
-- Stores a secret that a code has yet to confirm; returns no row if the account has a confirmed one.
INSERT INTO totp (email, sealed, key_version, recovery_codes)
VALUES ($1, $2, $3, $4)
ON CONFLICT (email) DO UPDATE
SET sealed = excluded.sealed, key_version = excluded.key_version, recovery_codes = excluded.recovery_codes,
    created_at = excluded.created_at
WHERE totp.confirmed_at IS NULL
RETURNING email;

-- name: accept_step
-- Uses up the code of time step $2 and all earlier ones; returns no row if it was used before. $3: the expected secret.
UPDATE totp
SET last_step = $2, confirmed_at = coalesce(confirmed_at, app_now())
WHERE email = $1 AND last_step < $2 AND sealed = $3
RETURNING email;

-- name: use_recovery_code
-- Uses up a recovery code; returns no row if the account does not have it.
UPDATE totp
SET recovery_codes = array_remove(recovery_codes, $2)
WHERE email = $1 AND confirmed_at IS NOT NULL AND $2 = ANY (recovery_codes)
RETURNING email;

-- name: delete
-- Removes the second step of an account.
DELETE FROM totp WHERE email = $1 RETURNING confirmed_at IS NOT NULL AS confirmed;
