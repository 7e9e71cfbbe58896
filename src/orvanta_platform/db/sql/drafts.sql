-- name: get
-- A user's draft at a path, with the newest version there.
SELECT d.kind, d.path, d.base_version, d.revision, d.hash, d.created_at, d.edited_at, b.hash AS base_hash,
       (SELECT v.id FROM version AS v
        WHERE v.workspace = d.workspace AND v.kind = d.kind AND v.path = d.path AND NOT v.deleted
        ORDER BY v.number DESC LIMIT 1) AS newest_version, d.body
FROM draft AS d
LEFT JOIN version AS b ON b.id = d.base_version
WHERE d.workspace = $1 AND d.kind = $2 AND d.path = $3 AND d.owner = $4;

-- name: list
-- A page of a user's drafts of a kind at readable paths, the latest edited first, without their bodies.
SELECT d.kind, d.path, d.base_version, d.revision, d.hash, d.created_at, d.edited_at, b.hash AS base_hash,
       (SELECT v.id FROM version AS v
        WHERE v.workspace = d.workspace AND v.kind = d.kind AND v.path = d.path AND NOT v.deleted
        ORDER BY v.number DESC LIMIT 1) AS newest_version, ''::bytea AS body
FROM draft AS d
LEFT JOIN version AS b ON b.id = d.base_version
LEFT JOIN item AS i ON i.workspace = d.workspace AND i.kind = d.kind AND i.path = d.path AND NOT i.deleted
WHERE d.workspace = $1 AND d.kind = $2 AND d.owner = $3
  AND ($4 OR d.path LIKE ANY ($5::text[]) OR i.extra_perms ?| $6::text[])
  AND ($7::text[] IS NULL OR d.path LIKE ANY ($7))
ORDER BY d.edited_at DESC, d.path
LIMIT $8 OFFSET $9;

-- name: list_undeployed
-- A page of a user's drafts at readable paths where nothing is deployed, by path; a body of more than $10 bytes is
-- NULL.
SELECT d.path, d.hash, d.created_at, d.edited_at, CASE WHEN octet_length(d.body) <= $10 THEN d.body END AS body
FROM draft AS d
WHERE d.workspace = $1 AND d.kind = $2 AND d.owner = $3
  AND ($4 OR d.path LIKE ANY ($5::text[]))
  AND ($6::text[] IS NULL OR d.path LIKE ANY ($6))
  AND ($7::text IS NULL OR starts_with(d.path, $7))
  AND ($8::text IS NULL OR d.path = $8)
  AND NOT EXISTS (SELECT 1 FROM item AS i
                  WHERE i.workspace = d.workspace AND i.kind = d.kind AND i.path = d.path AND NOT i.deleted)
ORDER BY d.path LIMIT $9;

-- name: list_others
-- The drafts of other users at a path, the latest edited first. Members who have left are not listed.
SELECT d.owner, d.base_version, d.edited_at
FROM draft AS d
JOIN member AS m ON m.workspace = d.workspace AND m.username = d.owner
WHERE d.workspace = $1 AND d.kind = $2 AND d.path = $3 AND d.owner <> $4
ORDER BY d.edited_at DESC, d.owner LIMIT 100;

-- name: insert
-- Inserts a first draft; returns no row if there is one.
INSERT INTO draft (workspace, kind, path, owner, base_version, hash, body)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
RETURNING revision;

-- name: replace
-- Replaces a draft that is at the revision $8; returns no row if it is at another one or deleted.
UPDATE draft
SET base_version = $5, hash = $6, body = $7, revision = nextval('draft_revision'), edited_at = app_now()
WHERE workspace = $1 AND kind = $2 AND path = $3 AND owner = $4 AND revision = $8
RETURNING revision;

-- name: overwrite
-- Inserts or replaces a draft, regardless of its revision.
INSERT INTO draft (workspace, kind, path, owner, base_version, hash, body)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (workspace, kind, path, owner) DO UPDATE SET
    base_version = excluded.base_version, hash = excluded.hash, body = excluded.body,
    revision = excluded.revision, edited_at = app_now()
RETURNING revision;

-- name: discard
-- Deletes a draft; if $5 is set, only at that revision.
DELETE FROM draft
WHERE workspace = $1 AND kind = $2 AND path = $3 AND owner = $4 AND ($5::bigint IS NULL OR revision = $5)
RETURNING revision;

-- name: is_version
-- Returns true if a version belongs to this path.
SELECT EXISTS (SELECT 1 FROM version WHERE id = $4 AND workspace = $1 AND kind = $2 AND path = $3);

-- name: delete_deployed
-- Deletes the draft that was deployed, if it is still at that revision.
DELETE FROM draft WHERE workspace = $1 AND owner = $2 AND revision = $3;

-- name: list_with_passwords
-- The drafts of all users at a path whose text may declare a password; NULL for one of more than $4 bytes.
SELECT CASE WHEN octet_length(body) <= $4 THEN body END AS body
FROM draft
WHERE workspace = $1 AND kind = $2 AND path = $3
  AND (position('password'::bytea IN body) > 0 OR position('resource-'::bytea IN body) > 0)
LIMIT $5;
