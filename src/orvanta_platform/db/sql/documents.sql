-- name: insert_document
-- Stores these bytes; does nothing if they are stored.
INSERT INTO document (hash, body) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: get_document
-- The bytes of a workflow or script.
SELECT body FROM document WHERE hash = $1
