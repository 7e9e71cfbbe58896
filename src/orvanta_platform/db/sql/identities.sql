-- name: start_login
-- Stores a login in progress, and deletes those that have expired.
WITH expired AS (
    DELETE FROM login_in_progress WHERE expires_at < app_now()
)
INSERT INTO login_in_progress (state, browser, provider, issuer, nonce, verifier, then_path, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, app_now() + make_interval(secs => $8));

-- name: take_login
-- Deletes the login in progress of a state, a browser and a provider, and returns it unless it has expired.
DELETE FROM login_in_progress
WHERE state = $1 AND browser = $2 AND provider = $3
RETURNING issuer, nonce, verifier, then_path, expires_at > app_now() AS valid;

-- name: get_email
-- The account of an identity.
SELECT email FROM identity WHERE issuer = $1 AND subject = $2;

-- name: insert
-- Links an identity to an account; returns no row if it is linked already.
WITH linked AS (
    INSERT INTO identity (issuer, subject, email)
    VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
    RETURNING email
)
UPDATE account AS a SET identity_linked = true FROM linked AS l WHERE a.email = l.email RETURNING a.email;

-- name: delete
-- Unlinks an identity of an account.
DELETE FROM identity WHERE issuer = $1 AND subject = $2 AND email = $3 RETURNING email;

-- name: list_identities
-- The identities of an account.
SELECT issuer, subject, created_at FROM identity WHERE email = $1 ORDER BY issuer, subject;

-- name: list_memberships
-- Existing workspaces among $2, with the membership of an account in them.
SELECT w.id AS workspace, m.username, m.role, m.disabled
FROM workspace AS w
LEFT JOIN member AS m ON m.workspace = w.id AND m.email = $1
WHERE w.id = ANY ($2::text[]) AND w.archived_at IS NULL
ORDER BY w.id;

-- name: leave_groups
-- Removes an account from those of the groups ($2 workspaces, $3 names) that are not among $4 and $5.
DELETE FROM team_member AS t
USING member AS m, unnest($2::text[], $3::text[]) AS managed (workspace, team)
WHERE m.email = $1 AND t.workspace = m.workspace AND t.username = m.username
  AND managed.workspace = t.workspace AND managed.team = t.team
  AND NOT EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS wanted (workspace, team)
                  WHERE wanted.workspace = t.workspace AND wanted.team = t.team)
RETURNING t.workspace, t.team;

-- name: join_groups
-- Adds an account to those of the groups ($2 workspaces, $3 names) that exist, in workspaces of which it is a member.
INSERT INTO team_member (workspace, team, username)
SELECT t.workspace, t.name, m.username
FROM unnest($2::text[], $3::text[]) AS wanted (workspace, team)
JOIN team AS t ON t.workspace = wanted.workspace AND t.name = wanted.team
JOIN member AS m ON m.workspace = t.workspace AND m.email = $1
ON CONFLICT DO NOTHING
RETURNING workspace, team;
