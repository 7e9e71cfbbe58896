-- name: set_context
-- One value of a run's context; the newer one stands.
INSERT INTO value AS v (id, kind, name, size, encoding, body, object) VALUES ($1, 'context', $2, $3, $4, $5, $6)
ON CONFLICT (id, kind, name) DO UPDATE
    SET size = excluded.size, encoding = excluded.encoding, body = excluded.body, object = excluded.object

-- name: note_context
-- The change in the run's history.
INSERT INTO event (run, kind, node, data) VALUES ($1, 'export', $2, $3::json)
