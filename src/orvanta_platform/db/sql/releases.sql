-- name: insert
-- Adds a release with the next number of its workspace; returns no row if another one took that number meanwhile.
INSERT INTO release (workspace, number, digest, notes, paths, body, imported, created_by, authors)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4::text[], $5, $6::text::jsonb, $7, $8::text[]
FROM release
WHERE workspace = $1
ON CONFLICT (workspace, number) DO NOTHING
RETURNING id, workspace, number, digest, notes, paths, body, imported::text AS imported, created_by, created_at;

-- name: list
-- A page of the releases of a workspace below number $2, newest first; only those of which all paths are readable.
-- Grants of items do not count: an item of another kind can have the same path.
SELECT r.id, r.workspace, r.number, r.digest, r.notes, r.paths, NULL AS body, r.imported::text AS imported,
       r.created_by, r.created_at
FROM release AS r
WHERE r.workspace = $1 AND ($2::integer IS NULL OR r.number < $2)
  AND NOT EXISTS (
      SELECT FROM unnest(r.paths) AS p (path)
      WHERE NOT ($3 OR p.path LIKE ANY ($4::text[])) OR NOT ($5::text[] IS NULL OR p.path LIKE ANY ($5))
  )
ORDER BY r.number DESC LIMIT $6;

-- name: list_authors_by_number
-- The addresses of the accounts that may not approve the deployment of a release, by its number.
SELECT authors FROM release WHERE workspace = $1 AND number = $2;

-- name: get
-- The release with a number, if all of its paths are readable.
SELECT r.id, r.workspace, r.number, r.digest, r.notes, r.paths, r.body, r.imported::text AS imported,
       r.created_by, r.created_at
FROM release AS r
WHERE r.workspace = $1 AND r.number = $2
  AND NOT EXISTS (
      SELECT FROM unnest(r.paths) AS p (path)
      WHERE NOT ($3 OR p.path LIKE ANY ($4::text[])) OR NOT ($5::text[] IS NULL OR p.path LIKE ANY ($5))
  );

-- name: list_authors
-- The addresses of the accounts that answer for a release: as they were when it was created, and that which has the
-- name of its creator now.
SELECT email
FROM (
    SELECT unnest(r.authors) AS email FROM release AS r WHERE r.id = $1
    UNION
    SELECT coalesce(m.email, a.email)
    FROM release AS r
    LEFT JOIN member AS m ON m.workspace = r.workspace AND m.username = r.created_by
    LEFT JOIN account AS a ON a.username = r.created_by
    WHERE r.id = $1
) AS author
WHERE email IS NOT NULL
ORDER BY email COLLATE "C";
