-- name: insert_pin_set
-- Stores this pin set; does nothing if it is stored.
INSERT INTO pin_set (hash, pins) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: get_pin_set
-- A pin set by its hash.
SELECT pins FROM pin_set WHERE hash = $1
