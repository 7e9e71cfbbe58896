-- name: start_runs
-- Inserts runs in their states after the first step, with their documents, pin sets and audit rows. The other rows of
-- the steps are inserted by parts of write_steps, appended after the last part. Scopes are arrays of JSON.
-- Jobs may be assigned to the workers in `lenders`, whose rows are locked until the commit, as in a claim: until then,
-- they cannot be fenced, and the heartbeat that ends their loans waits. A start does not wait for them.
WITH new_run AS MATERIALIZED (
    SELECT *
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::text[], $8::bytea[],
                $9::smallint[], $10::bytea[], $11::smallint[], $12::text[], $13::uuid[], $14::uuid[], $15::text[],
                $16::text[], $17::text[], $18::text[], $19::timestamptz[], $20::bigint[], $21::double precision[],
                $22::text[], $23::boolean[], $24::integer[], $25::text[]) WITH ORDINALITY
        AS r(id, workspace, kind, path, version, document, language, pin_set, engine_version, state, priority, queue,
             parent, root, trigger, created_by, email, permissioned_as, scheduled_at, seed, timeout_s, scopes,
             awaited, rev, status, n)
), written AS (
    SELECT n, id, workspace
    FROM new_run
), new_runs AS (
    INSERT INTO run_live (id, workspace, kind, path, version, document, language, pin_set, engine_version, state,
                          priority, queue, parent, root, trigger, created_by, email, permissioned_as, scheduled_at,
                          seed, timeout_s, scopes, awaited, rev, status)
    SELECT id, workspace, kind, path, version, document, language, pin_set, engine_version, state, priority, queue,
           parent, root, trigger, created_by, email, permissioned_as, scheduled_at, seed, timeout_s,
           CASE WHEN scopes IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(scopes::json)) END, awaited, rev,
           status
    FROM new_run
), audit_rows AS (
    INSERT INTO audit (workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address,
                       request_id)
    SELECT workspace, actor, on_behalf_of, operation, action_kind, resource, parameters::jsonb, address, request_id
    FROM unnest($26::text[], $27::text[], $28::text[], $29::text[], $30::text[], $31::text[], $32::text[], $33::text[],
                $34::text[])
        AS a(workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id)
), new_documents AS (
    INSERT INTO document (hash, body)
    SELECT hash, body
    FROM unnest($35::bytea[], $36::bytea[]) AS d(hash, body)
    ON CONFLICT DO NOTHING
), new_pin_sets AS (
    INSERT INTO pin_set (hash, pins)
    SELECT hash, pins::json
    FROM unnest($37::bytea[], $38::text[]) AS p(hash, pins)
    ON CONFLICT DO NOTHING
), lenders AS MATERIALIZED (
    SELECT w.id, w.generation
    FROM unnest($39::uuid[], $40::integer[], $41::bigint[]) AS l(id, generation, until_beat)
    CROSS JOIN LATERAL (
        SELECT id, generation
        FROM worker
        WHERE id = l.id AND generation = l.generation AND state = 'live' AND drained_at IS NULL AND beat <= l.until_beat
        FOR SHARE SKIP LOCKED) w
)
SELECT n
FROM written
