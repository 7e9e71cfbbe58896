-- name: get
-- One account by its e-mail address, in lower case.
SELECT email, username, name, password_hash, login_type, super_admin, devops, verified, disabled, created_at
FROM account WHERE email = $1;

-- name: count_all
-- How many accounts there are, at most one: zero means that the instance was never started.
SELECT count(*) FROM (SELECT 1 FROM account LIMIT 1) AS any_account;

-- name: lock_first_start
-- Serialises first starts over all servers until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('orvanta.first_start'));

-- name: username_taken
-- Whether an account has this username.
SELECT EXISTS (SELECT 1 FROM account WHERE username = $1);

-- name: insert
-- A new account; no row back where the address or the username is taken.
INSERT INTO account (email, username, name, password_hash, super_admin, devops)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING email;

-- name: set_first_password
-- Sets the password of an account that has none; no row back where it has one.
UPDATE account SET password_hash = $2 WHERE email = $1 AND password_hash IS NULL AND NOT disabled
RETURNING email;

-- name: without_password
-- The oldest superadmin while no account of the instance has a password.
SELECT email FROM account
WHERE super_admin AND NOT EXISTS (SELECT 1 FROM account WHERE password_hash IS NOT NULL)
ORDER BY created_at, email LIMIT 1;

-- name: list
-- A page of all accounts by address.
SELECT email, username, name, password_hash, login_type, super_admin, devops, verified, disabled, created_at
FROM account
WHERE email > $1
ORDER BY email LIMIT $2 OFFSET $3;

-- name: note_failure
-- Counts one attempt of a key inside its window of $2 seconds and gives the count.
INSERT INTO login_failure AS f (key, count, since) VALUES ($1, 1, app_now())
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN f.since < app_now() - make_interval(secs => $2) THEN 1 ELSE f.count + 1 END,
    since = CASE WHEN f.since < app_now() - make_interval(secs => $2) THEN app_now() ELSE f.since END
RETURNING count;

-- name: forget_failures
-- Forgets the attempts of a key after it succeeded.
DELETE FROM login_failure WHERE key = $1;

-- name: forget_one_failure
-- Takes back one attempt of a key that succeeded.
UPDATE login_failure SET count = greatest(count - 1, 0) WHERE key = $1;

-- name: forget_old_failures
-- Forgets attempts whose window is long over.
DELETE FROM login_failure WHERE since < app_now() - interval '1 day';
