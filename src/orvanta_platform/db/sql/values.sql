-- name: insert_value
-- Inserts a value. An existing key is a unique violation: the caller has just created the value's owner.
INSERT INTO value (id, kind, name, size, encoding, body, object)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: insert_values
-- Inserts values. An existing key is a unique violation.
INSERT INTO value (id, kind, name, size, encoding, body, object)
SELECT *
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::smallint[], $6::bytea[], $7::text[])

-- name: get_values
-- Values by (id, kind, name) in one query; each is looked up by its key, even if this was planned when there were few.
SELECT v.id, v.kind, v.name, v.size, v.encoding, v.body, v.object
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k(id, kind, name)
CROSS JOIN LATERAL (SELECT * FROM value w WHERE w.id = k.id AND w.kind = k.kind AND w.name = k.name LIMIT 1) v

-- name: get_context
-- The run's whole context.
SELECT id, kind, name, size, encoding, body, object
FROM value
WHERE id = $1 AND kind = 'context'

-- name: find_missing_result
-- One of these ids that has no result.
SELECT k.id
FROM unnest($1::uuid[]) AS k(id)
WHERE NOT EXISTS (SELECT FROM value v WHERE v.id = k.id AND v.kind = 'result' AND v.name = '') LIMIT 1

-- name: get_digests
-- Sizes of values by (id, kind, name), digests of their stored bodies, and the first $4 bytes of plain ones.
SELECT v.id, v.kind, v.name, v.size, v.encoding, v.digest, v.beginning
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k(id, kind, name)
CROSS JOIN LATERAL (
    SELECT w.id, w.kind, w.name, w.size, w.encoding, sha256(w.body) AS digest,
           CASE WHEN w.encoding = 0 THEN substring(w.body FROM 1 FOR $4) END AS beginning
    FROM value w
    WHERE w.id = k.id AND w.kind = k.kind AND w.name = k.name LIMIT 1) v
