-- name: get
-- One folder.
SELECT name, summary, owners, extra_perms, created_by, edited_at
FROM folder
WHERE workspace = $1 AND name = $2;

-- name: list
-- A page of the readable folders by name. $2: all folders; $3: names of the readable ones.
SELECT name, summary, owners, extra_perms, created_by, edited_at
FROM folder
WHERE workspace = $1 AND ($2 OR name = ANY ($3::text[])) AND ($4::text[] IS NULL OR 'f/' || name LIKE ANY ($4))
  AND name > $5
ORDER BY name LIMIT $6 OFFSET $7;

-- name: list_grants
-- Permissions that the folders of a workspace grant to these principals.
SELECT f.name, ARRAY(SELECT unnest($2::text[]) INTERSECT SELECT unnest(f.owners)) AS owners,
       (SELECT coalesce(jsonb_object_agg(e.name, f.extra_perms -> e.name), '{}')
        FROM unnest($2::text[]) AS e (name)
        WHERE f.extra_perms ? e.name) AS extra_perms
FROM folder AS f
WHERE f.workspace = $1 AND (f.owners && $2 OR f.extra_perms ?| $2);

-- name: insert
-- Adds a folder; returns no row if the name is taken.
INSERT INTO folder (workspace, name, summary, owners, extra_perms, created_by)
VALUES ($1, $2, $3, $4, $5::jsonb, $6)
ON CONFLICT DO NOTHING
RETURNING name;

-- name: update
-- Changes the fields of a folder that are not null; returns the number of its principals.
UPDATE folder SET
    summary = coalesce($3, summary),
    owners = coalesce($4::text[], owners),
    extra_perms = coalesce($5::jsonb, extra_perms),
    edited_at = app_now()
WHERE workspace = $1 AND name = $2
RETURNING (SELECT count(*) FROM (SELECT unnest(owners) UNION SELECT jsonb_object_keys(extra_perms)) AS p);

-- name: add_owner
-- Adds an owner, who then may also write; returns the number of principals.
UPDATE folder SET
    owners = CASE WHEN $3 = ANY (owners) THEN owners ELSE owners || $3::text END,
    extra_perms = extra_perms || jsonb_build_object($3::text, true),
    edited_at = app_now()
WHERE workspace = $1 AND name = $2
RETURNING (SELECT count(*) FROM (SELECT unnest(owners) UNION SELECT jsonb_object_keys(extra_perms)) AS p);

-- name: remove_owner
-- Removes an owner; $4 leaves permission to write (true) or to read (false), null none. Returns the number of
-- principals.
UPDATE folder SET
    owners = array_remove(owners, $3),
    extra_perms = CASE WHEN $4::boolean IS NULL THEN extra_perms - $3::text
                       ELSE extra_perms || jsonb_build_object($3::text, $4::boolean) END,
    edited_at = app_now()
WHERE workspace = $1 AND name = $2
RETURNING (SELECT count(*) FROM (SELECT unnest(owners) UNION SELECT jsonb_object_keys(extra_perms)) AS p);

-- name: delete
-- Deletes a folder; its contents remain visible to admins.
DELETE FROM folder WHERE workspace = $1 AND name = $2 RETURNING name;
