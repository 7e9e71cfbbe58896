-- name: insert_token
-- Adds a token.
INSERT INTO scim_token (hash, prefix, created_by, expires_at) VALUES ($1, $2, $3, $4);

-- name: use_token
-- Records the use of a token at most once a minute; returns no row if it is unknown or has expired.
WITH used AS (
    UPDATE scim_token
    SET last_used_at = app_now()
    WHERE hash = $1 AND expires_at > app_now()
      AND (last_used_at IS NULL OR last_used_at < app_now() - interval '1 minute')
)
SELECT prefix FROM scim_token WHERE hash = $1 AND expires_at > app_now();

-- name: list_tokens
-- All tokens, newest first.
SELECT prefix, created_by, created_at, last_used_at, expires_at FROM scim_token ORDER BY created_at DESC, prefix;

-- name: delete_token
-- Deletes the tokens with this prefix.
DELETE FROM scim_token WHERE prefix = $1 RETURNING prefix;

-- name: list_users
-- A page of the accounts of people, filtered by identifier, address and external identifier, with their number.
SELECT scim_id AS id, email, name, disabled, disabled_by_scim, super_admin, scim_external_id AS external_id, created_at,
       count(*) OVER () AS total
FROM account
WHERE deleted_at IS NULL AND login_type <> 'service'
  AND NOT EXISTS (SELECT FROM service_account AS s WHERE s.email = account.email)
  AND ($1::uuid IS NULL OR scim_id = $1) AND ($2::text IS NULL OR email = $2)
  AND ($3::text IS NULL OR scim_external_id = $3)
ORDER BY created_at, email LIMIT $4 OFFSET $5;

-- name: find_linkable
-- The account of a person with this address and external identifier to which nobody can log in otherwise: it has no
-- password and no role of the instance, and no identity was ever linked to it.
SELECT email
FROM account
WHERE email = $1 AND scim_external_id = $2 AND deleted_at IS NULL AND login_type <> 'service' AND NOT identity_linked
  AND password_hash IS NULL AND NOT super_admin AND NOT devops
  AND NOT EXISTS (SELECT FROM identity AS i WHERE i.email = account.email)
  AND NOT EXISTS (SELECT FROM service_account AS s WHERE s.email = account.email);

-- name: update_user
-- Sets the name and the external identifier of an account.
UPDATE account SET name = $2, scim_external_id = $3 WHERE email = $1;

-- name: list_groups
-- A page of the groups, filtered by identifier, name and external identifier, with their number.
SELECT id, display_name, external_id, created_at, count(*) OVER () AS total
FROM scim_group
WHERE ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR display_name = $2)
  AND ($3::text IS NULL OR external_id = $3)
ORDER BY created_at, id LIMIT $4 OFFSET $5;

-- name: list_members
-- The members of groups.
SELECT m.scim_group, a.scim_id AS id, a.email
FROM scim_group_member AS m
JOIN account AS a ON a.email = m.email AND a.deleted_at IS NULL
WHERE m.scim_group = ANY ($1::uuid[])
ORDER BY m.scim_group, a.email;

-- name: count_members
-- Number of the members of groups.
SELECT m.scim_group, count(*) AS members
FROM scim_group_member AS m
JOIN account AS a ON a.email = m.email AND a.deleted_at IS NULL
WHERE m.scim_group = ANY ($1::uuid[])
GROUP BY m.scim_group;

-- name: insert_group
-- Adds a group; returns no row if the name is taken.
INSERT INTO scim_group (display_name, external_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id;

-- name: lock_group
-- One group, locked until the transaction ends.
SELECT id FROM scim_group WHERE id = $1 FOR UPDATE;

-- name: update_group
-- Changes a group; returns no row if the name is taken.
UPDATE scim_group AS g
SET display_name = $2, external_id = $3
WHERE id = $1 AND NOT EXISTS (SELECT FROM scim_group AS o WHERE o.display_name = $2 AND o.id <> $1)
RETURNING id;

-- name: delete_group
-- Deletes a group.
DELETE FROM scim_group WHERE id = $1 RETURNING id;

-- name: remove_members
-- Removes the members of a group that are not among the accounts with these identifiers; returns their addresses.
DELETE FROM scim_group_member AS m
USING account AS a
WHERE m.scim_group = $1 AND a.email = m.email AND a.scim_id <> ALL ($2::uuid[])
RETURNING m.email;

-- name: add_members
-- Adds the accounts with these identifiers to a group; returns the addresses of those that are new.
INSERT INTO scim_group_member (scim_group, email)
SELECT $1, email FROM account WHERE scim_id = ANY ($2::uuid[]) AND deleted_at IS NULL
ON CONFLICT DO NOTHING
RETURNING email;

-- name: list_addresses
-- The addresses of the members of a group.
SELECT email FROM scim_group_member WHERE scim_group = $1;

-- name: count_users
-- Number of the accounts with these identifiers.
SELECT count(*) FROM account WHERE scim_id = ANY ($1::uuid[]) AND deleted_at IS NULL;

-- name: list_groups_of
-- The names of the groups of accounts.
SELECT m.email, array_agg(g.display_name) AS names
FROM scim_group_member AS m
JOIN scim_group AS g ON g.id = m.scim_group
WHERE m.email = ANY ($1::text[])
GROUP BY m.email;
