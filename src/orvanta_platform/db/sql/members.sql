-- name: lock
-- One member, and its workspace locked, so that changes of its members are serialized until the transaction ends.
SELECT m.workspace, m.username, m.email, m.role, m.disabled
FROM workspace AS w
LEFT JOIN member AS m ON m.workspace = w.id AND m.username = $2
WHERE w.id = $1
FOR NO KEY UPDATE OF w;

-- name: get_former_username
-- The last username of an account in a workspace that it has left.
SELECT username FROM former_member WHERE workspace = $1 AND email = $2 ORDER BY removed_at DESC LIMIT 1;

-- name: has_other_admin
-- Returns true if a workspace has an enabled admin other than this member, who remains one until the transaction ends.
-- A transaction whose snapshot is older than the end of that admin's role fails at the lock, and is retried.
SELECT EXISTS (SELECT FROM member AS m JOIN account AS a ON a.email = m.email
               WHERE m.workspace = $1 AND m.role = 'admin' AND m.username <> $2 AND NOT m.disabled AND NOT a.disabled
               FOR SHARE OF m, a);

-- name: set_role
-- Changes the role of a member.
UPDATE member SET role = $3 WHERE workspace = $1 AND username = $2;

-- name: set_disabled
-- Disables or enables a member.
UPDATE member SET disabled = $3 WHERE workspace = $1 AND username = $2;

-- name: lock_leaver
-- Locks the memberships of an account in one workspace or ($2 null) all of them, so that no permission is granted to
-- them meanwhile.
SELECT FROM member WHERE email = $1 AND ($2::text IS NULL OR workspace = $2) FOR UPDATE;

-- name: remove_grants
-- Removes an account's memberships in groups, and the permissions granted to its usernames, in one workspace or
-- ($2 null) all of them.
WITH leavers AS (
    SELECT workspace, username, 'u/' || username AS principal
    FROM member
    WHERE email = $1 AND ($2::text IS NULL OR workspace = $2)
), team_members AS (
    DELETE FROM team_member AS t USING leavers AS l WHERE t.workspace = l.workspace AND t.username = l.username
), teams AS (
    UPDATE team AS t SET extra_perms = t.extra_perms - l.principal
    FROM leavers AS l
    WHERE t.workspace = l.workspace AND t.extra_perms ? l.principal
), folders AS (
    UPDATE folder AS f SET owners = array_remove(f.owners, l.principal), extra_perms = f.extra_perms - l.principal
    FROM leavers AS l
    WHERE f.workspace = l.workspace AND (l.principal = ANY (f.owners) OR f.extra_perms ? l.principal)
), items AS (
    UPDATE item AS i SET extra_perms = i.extra_perms - l.principal
    FROM leavers AS l
    WHERE i.workspace = l.workspace AND i.extra_perms ? l.principal
), variables AS (
    UPDATE variable AS v SET extra_perms = v.extra_perms - l.principal
    FROM leavers AS l
    WHERE v.workspace = l.workspace AND v.extra_perms ? l.principal
), resources AS (
    UPDATE resource AS r SET extra_perms = r.extra_perms - l.principal
    FROM leavers AS l
    WHERE r.workspace = l.workspace AND r.extra_perms ? l.principal
), schedules AS (
    UPDATE schedule AS s SET extra_perms = s.extra_perms - l.principal
    FROM leavers AS l
    WHERE s.workspace = l.workspace AND s.extra_perms ? l.principal
), http_triggers AS (
    UPDATE http_trigger AS h SET extra_perms = h.extra_perms - l.principal
    FROM leavers AS l
    WHERE h.workspace = l.workspace AND h.extra_perms ? l.principal
)
DELETE FROM acceptance AS a USING leavers AS l WHERE a.workspace = l.workspace AND a.permissioned_as = l.principal;

-- name: remove
-- Removes the memberships of an account in one workspace or ($2 null) all of them, and its invitations to them, and
-- reserves its usernames.
WITH removed AS (
    DELETE FROM member
    WHERE email = $1 AND ($2::text IS NULL OR workspace = $2)
    RETURNING workspace, username, email
), uninvited AS (
    DELETE FROM invitation WHERE email = $1 AND ($2::text IS NULL OR workspace = $2)
)
INSERT INTO former_member (workspace, username, email)
SELECT workspace, username, email FROM removed
ON CONFLICT (workspace, username) DO UPDATE SET removed_at = app_now();

-- name: invite
-- Invites an address to a workspace; a repeated invitation replaces the first.
INSERT INTO invitation (workspace, email, role, invited_by)
VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace, email)
    DO UPDATE SET role = excluded.role, invited_by = excluded.invited_by, created_at = app_now();

-- name: is_member
-- Returns true if an account is a member of a workspace.
SELECT EXISTS (SELECT FROM member WHERE workspace = $1 AND email = $2);

-- name: list_invitations
-- The invitations of a workspace by address.
SELECT i.workspace, w.name, i.email, i.role, i.invited_by, i.created_at
FROM invitation AS i
JOIN workspace AS w ON w.id = i.workspace
WHERE i.workspace = $1
ORDER BY i.email;

-- name: list_invitations_of
-- The invitations of an account by workspace.
SELECT i.workspace, w.name, i.email, i.role, i.invited_by, i.created_at
FROM invitation AS i
JOIN workspace AS w ON w.id = i.workspace AND w.archived_at IS NULL
WHERE i.email = $1
ORDER BY i.workspace;

-- name: take_invitation
-- Deletes an invitation, and returns its role.
DELETE FROM invitation WHERE workspace = $1 AND email = $2 RETURNING role;

-- name: accept_invitation
-- Deletes an invitation to a workspace that is not archived and whose author is still an admin, and returns its role.
DELETE FROM invitation AS i
WHERE i.workspace = $1 AND i.email = $2
  AND EXISTS (SELECT FROM workspace AS w WHERE w.id = i.workspace AND w.archived_at IS NULL)
  AND EXISTS (SELECT FROM account AS a
              LEFT JOIN member AS m ON m.workspace = i.workspace AND m.email = a.email AND NOT m.disabled
              WHERE a.email = i.invited_by AND NOT a.disabled AND (a.super_admin OR m.role = 'admin'))
RETURNING i.role;

-- name: withdraw_invitations
-- Deletes the invitations that an account has made, in one workspace or ($2 null) all of them.
DELETE FROM invitation WHERE invited_by = $1 AND ($2::text IS NULL OR workspace = $2);
