-- name: start_run
-- Inserts a run in its state after the first step, with its document, pin set and audit row. The other rows of the step
-- are inserted by parts of write_steps, appended after written.
WITH written AS (
    INSERT INTO run_live (id, workspace, kind, path, version, document, language, pin_set, engine_version, state,
                          priority, queue, parent, root, trigger, created_by, email, permissioned_as, scheduled_at,
                          seed, timeout_s, scopes, rev, status)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            $24)
    RETURNING 1::bigint AS n, id, workspace
), audit_row AS (
    INSERT INTO audit (workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address,
                       request_id)
    VALUES ($25, $26, $27, $28, $29, $30, $31::jsonb, $32, $33)
), new_document AS (
    INSERT INTO document (hash, body)
    VALUES ($34, $35)
    ON CONFLICT DO NOTHING
), new_pin_set AS (
    INSERT INTO pin_set (hash, pins)
    VALUES ($36, $37)
    ON CONFLICT DO NOTHING
)
SELECT n
FROM written
