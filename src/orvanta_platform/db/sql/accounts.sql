-- name: get
-- One account by its email address, in lower case.
SELECT email, username, name, password_hash, login_type, super_admin, devops, verified, disabled, created_at,
       deleted_at, EXISTS (SELECT FROM totp WHERE email = account.email AND confirmed_at IS NOT NULL) AS totp
FROM account
WHERE email = $1;

-- name: count_all
-- Number of accounts, at most one; zero: the instance was never started.
SELECT count(*) FROM (SELECT 1 FROM account LIMIT 1) AS any_account;

-- name: lock_first_start
-- Serialises first starts of all servers until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('orvanta.first_start'));

-- name: is_username_taken
-- Returns true if an account, or a member or former member of a workspace, has this username.
SELECT EXISTS (SELECT FROM account WHERE username = $1)
    OR EXISTS (SELECT FROM member WHERE username = $1)
    OR EXISTS (SELECT FROM former_member WHERE username = $1);

-- name: insert
-- Adds an account; returns no row if the address or the username is taken, also by a member or former member of a
-- workspace.
INSERT INTO account (email, username, name, password_hash, super_admin, devops)
SELECT $1, $2, $3, $4, $5, $6
WHERE NOT EXISTS (SELECT FROM member WHERE username = $2) AND NOT EXISTS (SELECT FROM former_member WHERE username = $2)
ON CONFLICT DO NOTHING
RETURNING email;

-- name: set_first_password
-- Sets the password of an account that has none; returns no row if it has one.
UPDATE account
SET password_hash = $2
WHERE email = $1 AND password_hash IS NULL AND NOT disabled
RETURNING email;

-- name: reset_password
-- Replaces the password of an account; returns no row if there is none, or if it is disabled.
UPDATE account
SET password_hash = $2
WHERE email = $1 AND NOT disabled
RETURNING email, username;

-- name: find_superadmin_without_password
-- The oldest superadmin, if no account of the instance has a password.
SELECT email
FROM account
WHERE super_admin AND NOT disabled AND NOT EXISTS (SELECT 1 FROM account WHERE password_hash IS NOT NULL)
ORDER BY created_at, email LIMIT 1;

-- name: list
-- A page of all accounts by address; $4: with deleted ones.
SELECT email, username, name, password_hash, login_type, super_admin, devops, verified, disabled, created_at,
       deleted_at, EXISTS (SELECT FROM totp WHERE email = account.email AND confirmed_at IS NOT NULL) AS totp
FROM account
WHERE email > $1 AND ($4 OR deleted_at IS NULL)
ORDER BY email LIMIT $2 OFFSET $3;

-- name: lock_roles
-- Serializes changes of the instance's superadmins until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('orvanta.superadmins'));

-- name: lock
-- One account, locked until the transaction ends.
SELECT email, username, name, password_hash, login_type, super_admin, devops, verified, disabled, created_at,
       deleted_at, EXISTS (SELECT FROM totp WHERE email = account.email AND confirmed_at IS NOT NULL) AS totp
FROM account
WHERE email = $1
FOR NO KEY UPDATE;

-- name: has_other_superadmin
-- Returns true if an enabled account other than this one is a superadmin.
SELECT EXISTS (SELECT FROM account WHERE super_admin AND NOT disabled AND email <> $1);

-- name: update
-- Changes name and instance roles of an account; null: unchanged.
UPDATE account
SET name = coalesce($2, name), super_admin = coalesce($3, super_admin), devops = coalesce($4, devops)
WHERE email = $1;

-- name: set_disabled
-- Disables or enables an account. $3: a SCIM client requested it.
UPDATE account SET disabled = $2, disabled_by_scim = $2 AND $3 WHERE email = $1;

-- name: delete
-- Marks an account as deleted and removes its password, roles and name; the row reserves its address and username.
UPDATE account
SET deleted_at = app_now(), disabled = true, password_hash = NULL, super_admin = false, devops = false, name = NULL
WHERE email = $1;

-- name: clear_password
-- Removes the password of an account, which a one-time link then sets.
UPDATE account SET password_hash = NULL WHERE email = $1;

-- name: change_password
-- Replaces the password hash $2 by $3; returns no row if the account has another one, or is disabled.
UPDATE account
SET password_hash = $3
WHERE email = $1 AND password_hash = $2 AND NOT disabled
RETURNING email;

-- name: get_attempts
-- Attempts of these keys; those older than $2 seconds do not count.
SELECT w.key,
       CASE WHEN f.last_at > app_now() - make_interval(secs => $2) THEN f.count ELSE 0 END AS count,
       greatest(coalesce(extract(epoch FROM app_now() - f.last_at), 0), 0)::float8 AS age_s,
       coalesce(f.known, false) AS known
FROM unnest($1::text[]) AS w (key)
LEFT JOIN login_failure AS f ON f.key = w.key;

-- name: ensure_attempts
-- Inserts the rows that lock_attempts locks.
INSERT INTO login_failure (key, count)
SELECT key, 0
FROM unnest($1::text[]) AS wanted (key)
ORDER BY key
ON CONFLICT DO NOTHING;

-- name: lock_attempts
-- Attempts of these keys, locked until the transaction ends; those older than $2 seconds do not count. The age of
-- an attempt that was counted while this query waited for the lock is 0, not negative.
SELECT key,
       CASE WHEN last_at < app_now() - make_interval(secs => $2) THEN 0 ELSE count END AS count,
       greatest(extract(epoch FROM app_now() - last_at), 0)::float8 AS age_s,
       known
FROM login_failure
WHERE key = ANY ($1)
ORDER BY key
FOR UPDATE;

-- name: count_attempts
-- Counts one attempt of each of these keys, which are locked.
UPDATE login_failure
SET count = CASE WHEN last_at < app_now() - make_interval(secs => $2) THEN 1 ELSE count + 1 END,
    last_at = app_now()
WHERE key = ANY ($1);

-- name: reset_attempts
-- After a login, resets the attempts of $1, the key of account and address, and subtracts the successful one from $2.
WITH locked_attempts AS (
    SELECT key
    FROM login_failure
    WHERE key = $1 OR key = ANY ($2)
    ORDER BY key
    FOR UPDATE
)
UPDATE login_failure AS f
SET count = CASE WHEN f.key = $1 THEN 0 ELSE greatest(f.count - 1, 0) END,
    last_at = app_now(),
    known = f.key = $1
FROM locked_attempts
WHERE f.key = locked_attempts.key;

-- name: forgive_attempts
-- Subtracts one attempt, which neither failed nor succeeded, from each of these keys.
WITH locked_attempts AS (
    SELECT key FROM login_failure WHERE key = ANY ($1) ORDER BY key FOR UPDATE
)
UPDATE login_failure AS f
SET count = greatest(f.count - 1, 0)
FROM locked_attempts
WHERE f.key = locked_attempts.key;

-- name: delete_old_attempts
-- Deletes attempts older than a day, and known addresses of accounts after 90 days.
DELETE FROM login_failure
WHERE last_at < app_now() - CASE WHEN known THEN interval '90 days' ELSE interval '1 day' END;
