-- name: get
-- One type of a workspace.
SELECT name, schema, description, format_extension, is_fileset, workspace, created_by, edited_at
FROM resource_type
WHERE workspace = $1 AND name = $2;

-- name: list
-- The types of a workspace.
SELECT name, schema, description, format_extension, is_fileset, workspace, created_by, edited_at
FROM resource_type
WHERE workspace = $1
ORDER BY name;

-- name: insert
-- Adds a type; returns no row if the name is taken.
INSERT INTO resource_type (workspace, name, schema, description, format_extension, is_fileset, created_by)
VALUES ($1, $2, $3::json, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
RETURNING name;

-- name: update
-- Replaces the type of this name.
UPDATE resource_type
SET schema = $3::json, description = $4, format_extension = $5, is_fileset = $6, edited_at = app_now()
WHERE workspace = $1 AND name = $2
RETURNING name;

-- name: delete
-- Deletes a type.
DELETE FROM resource_type WHERE workspace = $1 AND name = $2 RETURNING name;

-- name: is_used
-- Returns true if a resource of this type exists.
SELECT EXISTS (SELECT FROM resource WHERE workspace = $1 AND resource_type = $2);
