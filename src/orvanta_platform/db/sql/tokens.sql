-- name: resolve
-- The identity behind a valid token, and its membership in a workspace ($2; null: the token's own). An impersonation
-- ends if its admin is no longer an admin, or if the account becomes superadmin.
SELECT t.kind, t.workspace AS token_workspace, t.scopes, a.email, a.username AS account_username,
       a.super_admin, a.devops, w.id AS workspace, w.archived_at IS NOT NULL AS archived, m.username, m.role, p.groups,
       g.grants,
       (t.last_address IS NULL OR t.last_used_at < app_now() - interval '1 minute') AS stale,
       coalesce(im.username, i.username) AS impersonator
FROM token AS t
JOIN account AS a ON a.email = t.email AND NOT a.disabled
LEFT JOIN account AS i ON i.email = t.impersonator AND NOT i.disabled
LEFT JOIN member AS im ON im.workspace = t.workspace AND im.email = i.email AND NOT im.disabled
LEFT JOIN workspace AS w ON w.id = coalesce($2, t.workspace)
LEFT JOIN member AS m ON m.workspace = w.id AND m.email = a.email AND NOT m.disabled
LEFT JOIN LATERAL (
    SELECT coalesce(array_agg(tm.team), '{}') AS groups,
           ARRAY['u/' || m.username, 'g/all'] || coalesce(array_agg('g/' || tm.team), '{}') AS principals
    FROM team_member AS tm
    WHERE tm.workspace = w.id AND tm.username = m.username
) AS p ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'name', f.name,
        'owners', ARRAY(SELECT unnest(p.principals) INTERSECT SELECT unnest(f.owners)),
        'extra_perms', (SELECT coalesce(jsonb_object_agg(e.name, f.extra_perms -> e.name), '{}')
                        FROM unnest(p.principals) AS e (name)
                        WHERE f.extra_perms ? e.name)
    )) AS grants
    FROM folder AS f
    WHERE f.workspace = m.workspace AND (f.owners && p.principals OR f.extra_perms ?| p.principals)
) AS g ON true
WHERE t.hash = $1 AND t.kind IN ('user', 'session') AND (t.expires_at IS NULL OR t.expires_at > app_now())
  AND (t.scopes IS NULL OR cardinality(t.scopes) <= $3)
  AND (t.impersonator IS NULL OR (NOT a.super_admin AND (i.super_admin OR im.role = 'admin')));

-- name: resolve_job
-- The identity of a job while it runs at this attempt and generation, and its claim. Username and account must match: a
-- username that another account has now is another person.
SELECT j.nonce, j.run, r.workspace, r.email, r.permissioned_as, r.scopes, a.username AS account_username, a.super_admin,
       w.archived_at IS NOT NULL AS archived, m.username, m.role, p.groups, g.grants
FROM job_live AS j
JOIN run_live AS r ON r.id = j.run
JOIN account AS a ON a.email = r.email AND NOT a.disabled
JOIN workspace AS w ON w.id = r.workspace
LEFT JOIN member AS m
    ON m.workspace = r.workspace AND 'u/' || m.username = r.permissioned_as AND m.email = a.email AND NOT m.disabled
LEFT JOIN LATERAL (
    SELECT coalesce(array_agg(tm.team), '{}') AS groups,
           ARRAY['u/' || m.username, 'g/all'] || coalesce(array_agg('g/' || tm.team), '{}') AS principals
    FROM team_member AS tm
    WHERE tm.workspace = r.workspace AND tm.username = m.username
) AS p ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'name', f.name,
        'owners', ARRAY(SELECT unnest(p.principals) INTERSECT SELECT unnest(f.owners)),
        'extra_perms', (SELECT coalesce(jsonb_object_agg(e.name, f.extra_perms -> e.name), '{}')
                        FROM unnest(p.principals) AS e (name)
                        WHERE f.extra_perms ? e.name)
    )) AS grants
    FROM folder AS f
    WHERE f.workspace = m.workspace AND (f.owners && p.principals OR f.extra_perms ?| p.principals)
) AS g ON true
WHERE j.id = $1 AND j.state = 'running' AND j.attempt = $2 AND j.generation = $3 AND j.nonce IS NOT NULL
  AND (m.username IS NOT NULL OR (a.super_admin AND 'u/' || a.username = r.permissioned_as));

-- name: resolve_identity
-- The identity that a run acts as: the username $2 of the account $3, under the conditions of resolve_job.
SELECT w.id AS workspace, a.email, $2::text AS permissioned_as, a.username AS account_username, a.super_admin,
       w.archived_at IS NOT NULL AS archived, m.username, m.role, p.groups, g.grants
FROM account AS a
JOIN workspace AS w ON w.id = $1
LEFT JOIN member AS m ON m.workspace = w.id AND 'u/' || m.username = $2 AND m.email = a.email AND NOT m.disabled
LEFT JOIN LATERAL (
    SELECT coalesce(array_agg(tm.team), '{}') AS groups,
           ARRAY['u/' || m.username, 'g/all'] || coalesce(array_agg('g/' || tm.team), '{}') AS principals
    FROM team_member AS tm
    WHERE tm.workspace = w.id AND tm.username = m.username
) AS p ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'name', f.name,
        'owners', ARRAY(SELECT unnest(p.principals) INTERSECT SELECT unnest(f.owners)),
        'extra_perms', (SELECT coalesce(jsonb_object_agg(e.name, f.extra_perms -> e.name), '{}')
                        FROM unnest(p.principals) AS e (name)
                        WHERE f.extra_perms ? e.name)
    )) AS grants
    FROM folder AS f
    WHERE f.workspace = m.workspace AND (f.owners && p.principals OR f.extra_perms ?| p.principals)
) AS g ON true
WHERE a.email = $3 AND NOT a.disabled
  AND (m.username IS NOT NULL OR (a.super_admin AND 'u/' || a.username = $2));

-- name: get_prefix
-- The prefix of a token.
SELECT prefix FROM token WHERE hash = $1;

-- name: record_use
-- Records that a token was used from address $2: the first time, then at most once a minute.
UPDATE token
SET last_used_at = app_now(), last_address = $2
WHERE hash = $1 AND (last_address IS NULL OR last_used_at < app_now() - interval '1 minute');

-- name: insert
-- Adds a token. $9: its lifetime in seconds; null: it lasts until $8 or until it is deleted.
INSERT INTO token (hash, prefix, kind, email, workspace, label, scopes, expires_at, provider,
                   impersonator, issued_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, app_now() + make_interval(secs => $9)), $10, $11, $12);

-- name: list
-- A page of the tokens of an account, newest first, without sessions and one-time links.
SELECT prefix, label, created_at, expires_at, last_used_at, scopes, workspace, last_address
FROM token
WHERE email = $1 AND kind = 'user' AND (expires_at IS NULL OR expires_at > app_now())
ORDER BY created_at DESC, prefix LIMIT $2 OFFSET $3;

-- name: list_of_workspace
-- A page of the tokens with which members can act in a workspace, without sessions. Admins can revoke those that are
-- valid in this workspace only, and those of its service accounts. Labels, addresses and the paths in scopes of others
-- are left out.
SELECT m.username, t.prefix, t.created_at, t.expires_at, t.last_used_at, t.workspace IS NOT NULL AS bound, r.revocable,
       CASE WHEN r.revocable THEN t.scopes
            WHEN t.scopes IS NOT NULL THEN ARRAY(SELECT DISTINCT split_part(s, ':', 1) || ':' || split_part(s, ':', 2)
                                                 FROM unnest(t.scopes) AS s ORDER BY 1) END AS scopes,
       CASE WHEN r.revocable THEN t.label END AS label,
       CASE WHEN r.revocable THEN t.last_address END AS last_address
FROM member AS m
JOIN token AS t ON t.email = m.email
LEFT JOIN service_account AS a ON a.email = m.email AND a.workspace = m.workspace
CROSS JOIN LATERAL (SELECT t.workspace IS NOT NULL OR a.email IS NOT NULL AS revocable) AS r
WHERE m.workspace = $1 AND NOT m.disabled AND t.kind = 'user' AND (t.workspace = $1 OR t.workspace IS NULL)
  AND (t.expires_at IS NULL OR t.expires_at > app_now())
ORDER BY m.username, t.created_at DESC, t.prefix LIMIT $2 OFFSET $3;

-- name: delete_of_workspace
-- Deletes the tokens with this prefix that are valid in this workspace only, or that are those of a service account
-- which the workspace manages; returns their owners.
DELETE FROM token AS t
WHERE t.prefix = $2 AND t.kind = 'user'
  AND (t.workspace = $1
       OR (t.workspace IS NULL
           AND EXISTS (SELECT FROM service_account AS s WHERE s.email = t.email AND s.workspace = $1)))
RETURNING t.email;

-- name: is_of_member
-- Returns true if a member of a workspace has a token with this prefix that is valid in all of its workspaces.
SELECT EXISTS (SELECT FROM token AS t JOIN member AS m ON m.email = t.email
               WHERE m.workspace = $1 AND t.prefix = $2 AND t.kind = 'user' AND t.workspace IS NULL);

-- name: delete_by_prefix
-- Deletes an account's tokens with this prefix ($3: sessions as well), and the sessions in which it acts as another
-- member, which may have been started with them.
WITH deleted AS (
    DELETE FROM token
    WHERE email = $1 AND prefix = $2 AND (kind = 'user' OR ($3 AND kind = 'session'))
    RETURNING prefix
), acting AS (
    DELETE FROM token WHERE impersonator = $1 AND EXISTS (SELECT FROM deleted)
)
SELECT prefix FROM deleted;

-- name: get_provider
-- The OpenID provider by which a session was started.
SELECT provider FROM token WHERE hash = $1 AND kind = 'session';

-- name: delete_session
-- Deletes a session by the hash of its token, and, unless it is one in which an admin acts as another member, those in
-- which its account does, which may have been started with it.
WITH deleted AS (
    DELETE FROM token WHERE hash = $1 AND kind = 'session' RETURNING prefix, email, impersonator
), acting AS (
    DELETE FROM token AS t USING deleted AS d WHERE t.impersonator = d.email AND d.impersonator IS NULL AND t.hash <> $1
)
SELECT prefix FROM deleted;

-- name: link_exists
-- Returns true if a one-time link is valid.
SELECT EXISTS (SELECT 1 FROM token WHERE hash = $1 AND kind = 'first_password' AND expires_at > app_now());

-- name: use_link
-- Uses up a one-time link; returns no row if it is unknown, used or expired.
DELETE FROM token
WHERE hash = $1 AND kind = 'first_password' AND expires_at > app_now()
RETURNING email;

-- name: delete_links
-- Deletes all one-time links of an account.
DELETE FROM token WHERE email = $1 AND kind = 'first_password';

-- name: delete_sessions
-- Deletes all sessions of an account except the one with the hash $2, and those in which it acts as another member.
DELETE FROM token WHERE (email = $1 OR impersonator = $1) AND kind = 'session' AND hash IS DISTINCT FROM $2;

-- name: list_sessions
-- The sessions of an account, newest first.
SELECT prefix, created_at, expires_at, last_used_at, last_address, hash = $2 AS current
FROM token
WHERE email = $1 AND kind = 'session' AND expires_at > app_now()
ORDER BY created_at DESC, prefix;

-- name: delete_session_by_prefix
-- Deletes the sessions of an account with this prefix, and those in which it acts as another member, which may have
-- been started with them.
WITH deleted AS (
    DELETE FROM token WHERE email = $1 AND prefix = $2 AND kind = 'session' RETURNING prefix
), acting AS (
    DELETE FROM token WHERE impersonator = $1 AND EXISTS (SELECT FROM deleted)
)
SELECT prefix FROM deleted;

-- name: delete_of_account
-- Deletes all tokens, sessions and one-time links of an account, and the sessions in which it acts as another member.
DELETE FROM token WHERE email = $1 OR impersonator = $1 RETURNING kind;

-- name: delete_expired
-- Deletes tokens and links that expired more than a day ago.
DELETE FROM token WHERE expires_at < app_now() - interval '1 day';
