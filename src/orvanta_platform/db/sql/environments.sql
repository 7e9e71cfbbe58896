-- name: lock
-- Locks out concurrent changes of the pipeline until the transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('environments', 0));

-- name: list
-- The environments in the order of the pipeline; without $2 those whose workspace the account $1 is a member of.
SELECT e.name, e.position, e.workspace, e.color, e.rules::text AS rules, e.version, e.edited_by, e.edited_at, e.hold_by,
       e.hold_since, e.hold_reason, e.deployment
FROM environment AS e
WHERE $2 OR EXISTS (SELECT FROM member AS m WHERE m.workspace = e.workspace AND m.email = $1 AND NOT m.disabled)
ORDER BY e.position;

-- name: get
-- The environment of a workspace.
SELECT name, position, workspace, color, rules::text AS rules, version, edited_by, edited_at, hold_by, hold_since,
       hold_reason, deployment
FROM environment
WHERE workspace = $1;

-- name: refuses_direct_deploys
-- Returns true if the rules of a workspace's environment refuse direct deploys.
SELECT EXISTS (
    SELECT FROM environment WHERE workspace = $1 AND (rules ->> 'refuse_direct_deploys')::boolean
);

-- name: refuses_previews
-- Returns true if the rules of a workspace's environment refuse previews.
SELECT EXISTS (
    SELECT FROM environment WHERE workspace = $1 AND (rules ->> 'refuse_previews')::boolean
);

-- name: insert
-- Adds an environment at the end of the locked pipeline; returns no row if the name or the workspace is taken.
INSERT INTO environment (name, position, workspace, color, rules, edited_by)
SELECT $1, coalesce(max(position), 0) + 1, $2, $3, $4::text::jsonb, $5
FROM environment
HAVING NOT EXISTS (SELECT FROM environment WHERE name = $1 OR workspace = $2)
RETURNING name;

-- name: update
-- Changes the colour and the rules of an environment.
UPDATE environment
SET color = $2, rules = $3::text::jsonb, version = version + 1, edited_by = $4, edited_at = app_now()
WHERE name = $1
RETURNING version;

-- name: order
-- Numbers the environments in this order.
UPDATE environment AS e
SET position = o.position
FROM unnest($1::text[]) WITH ORDINALITY AS o (name, position)
WHERE e.name = o.name AND e.position <> o.position;

-- name: delete
-- Deletes an environment.
DELETE FROM environment WHERE name = $1 RETURNING workspace;
