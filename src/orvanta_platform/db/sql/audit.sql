-- name: append
-- Appends one row to the audit trail.
INSERT INTO audit (workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9);
