-- name: insert_account
-- Adds the account of a service account, which cannot log in; returns no row if the address or the username is taken.
INSERT INTO account (email, username, login_type)
VALUES ($1, $2, 'service')
ON CONFLICT DO NOTHING
RETURNING email;

-- name: insert
-- Adds a service account with its owner.
INSERT INTO service_account (email, workspace, username, summary, owner) VALUES ($1, $2, $3, $4, $5);

-- name: get
-- A service account of a workspace by username.
SELECT s.username, s.email, s.summary, coalesce(o.username, a.username) AS owner, m.role, m.disabled, s.created_at,
       (SELECT count(*) FROM token AS t
        WHERE t.email = s.email AND t.kind = 'user' AND (t.expires_at IS NULL OR t.expires_at > app_now())) AS tokens
FROM service_account AS s
JOIN member AS m ON m.workspace = s.workspace AND m.email = s.email
JOIN account AS a ON a.email = s.owner
LEFT JOIN member AS o ON o.workspace = s.workspace AND o.email = s.owner
WHERE s.workspace = $1 AND s.username = $2;

-- name: has_admin_owner
-- Returns true if the owner of a service account is an active admin.
SELECT (m.role = 'admin' OR a.super_admin)
    AND is_active_identity(s.workspace, 'u/' || coalesce(m.username, a.username), s.owner)
FROM service_account AS s
JOIN account AS a ON a.email = s.owner
LEFT JOIN member AS m ON m.workspace = s.workspace AND m.email = s.owner
WHERE s.workspace = $1 AND s.username = $2;

-- name: list
-- A page of the service accounts of a workspace by username.
SELECT s.username, s.email, s.summary, coalesce(o.username, a.username) AS owner, m.role, m.disabled, s.created_at,
       (SELECT count(*) FROM token AS t
        WHERE t.email = s.email AND t.kind = 'user' AND (t.expires_at IS NULL OR t.expires_at > app_now())) AS tokens
FROM service_account AS s
JOIN member AS m ON m.workspace = s.workspace AND m.email = s.email
JOIN account AS a ON a.email = s.owner
LEFT JOIN member AS o ON o.workspace = s.workspace AND o.email = s.owner
WHERE s.workspace = $1 AND s.username > $2
ORDER BY s.username LIMIT $3 OFFSET $4;

-- name: get_home
-- The workspace that manages a service account.
SELECT workspace FROM service_account WHERE email = $1;

-- name: lock_home
-- The workspace that manages a service account, its username there, and whether it is disabled there, which it remains
-- until the transaction ends. Returns no row if the workspace is archived.
SELECT s.workspace, s.username, m.disabled
FROM service_account AS s
JOIN member AS m ON m.workspace = s.workspace AND m.email = s.email
JOIN workspace AS w ON w.id = s.workspace AND w.archived_at IS NULL
WHERE s.email = $1
FOR SHARE OF m, w;

-- name: disable_elsewhere
-- Disables a service account in other workspaces than the one that manages it; returns these memberships.
UPDATE member AS m
SET disabled = true
FROM service_account AS s
WHERE s.email = $1 AND m.email = s.email AND m.workspace <> s.workspace AND NOT m.disabled
RETURNING m.workspace, m.username;

-- name: list_shared
-- Usernames of the service accounts of a workspace, except those that were deleted, that are members of others as well,
-- or were.
SELECT s.username
FROM service_account AS s
JOIN member AS h ON h.workspace = s.workspace AND h.email = s.email
WHERE s.workspace = $1
  AND (EXISTS (SELECT FROM member AS m WHERE m.email = s.email AND m.workspace <> s.workspace)
       OR EXISTS (SELECT FROM former_member AS f WHERE f.email = s.email AND f.workspace <> s.workspace))
ORDER BY s.username;

-- name: list_owned
-- Usernames of the enabled service accounts of a workspace whose owners have the addresses $2.
SELECT s.username
FROM service_account AS s
JOIN member AS m ON m.workspace = s.workspace AND m.email = s.email
WHERE s.workspace = $1 AND s.owner = ANY ($2) AND NOT m.disabled
ORDER BY s.username;

-- name: list_responsible
-- The accounts that answer for a call of the account $1 with the token $2: itself, and for a service account its owner
-- and the admin who created the token; if the token is not known (null), the admins who created any of its tokens.
SELECT $1::text AS email
UNION
SELECT owner FROM service_account WHERE email = $1
UNION
SELECT issued_by FROM token WHERE (hash = $2 OR $2::bytea IS NULL AND email = $1) AND issued_by IS NOT NULL;

-- name: set_owner
-- Assigns a service account to another owner; returns no row if it does not exist.
UPDATE service_account SET owner = $3 WHERE workspace = $1 AND username = $2 RETURNING email;
