-- name: insert_document
-- Stores these bytes; does nothing if they are stored.
INSERT INTO document (hash, body) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: insert_deployed_document
-- Stores these bytes, and the JSON of a YAML document if it is not stored.
INSERT INTO document (hash, body, tree)
VALUES ($1, $2, $3::text::json)
ON CONFLICT (hash) DO UPDATE SET tree = excluded.tree WHERE document.tree IS NULL AND excluded.tree IS NOT NULL

-- name: get_document
-- The bytes of a workflow or script.
SELECT body FROM document WHERE hash = $1

-- name: get_document_tree
-- The JSON of a YAML document. NULL: another document, or one that an older version stored.
SELECT tree::text FROM document WHERE hash = $1
