-- name: append
-- Appends one row to the audit trail.
INSERT INTO audit (workspace, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9);

-- name: append_many
-- Appends one row for each of these workspaces ($1), operations ($2) and resources ($3), alike in everything else. In
-- other workspaces than $8, where its username is $4, the account $9 has another username, or that of the account.
INSERT INTO audit (workspace, actor, operation, action_kind, resource, parameters, address, request_id)
SELECT e.workspace, CASE WHEN e.workspace = $8 THEN $4 ELSE coalesce(m.username, a.username, $4) END, e.operation,
       'Updated', e.resource, $5::jsonb, $6, $7
FROM unnest($1::text[], $2::text[], $3::text[]) AS e (workspace, operation, resource)
LEFT JOIN account AS a ON a.email = $9
LEFT JOIN member AS m ON m.workspace = e.workspace AND m.email = $9 AND NOT m.disabled;

-- name: plan_by_values
-- Plans the searches of this transaction for the values of their filters, which determine the index.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: list_newest
-- A page of the rows of a workspace (null: of the instance), newest first, those before the row $8 (null: all),
-- selected from the newest $15 rows of a period. $3: an operation, or its first part; $11 and $12: those of which it is
-- one, and none; $13: beginning of the resource; $14: in the order of times, which have an index of their own, because
-- ids are not exactly in their order.
SELECT id, workspace, at, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id
FROM (
  SELECT id, workspace, at, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id
  FROM audit
  WHERE (workspace = $1 OR $1::text IS NULL AND workspace IS NULL)
    AND ($6::timestamptz IS NULL OR at >= $6)
    AND ($7::timestamptz IS NULL OR at < $7)
    AND ($8::bigint IS NULL OR $14 OR id < $8)
    AND ($8::bigint IS NULL OR NOT $14
         OR (at, id) < ((SELECT b.at FROM audit AS b WHERE b.workspace IS NOT DISTINCT FROM $1 AND b.id = $8), $8))
  ORDER BY CASE WHEN $14::bool THEN at END DESC, id DESC
  LIMIT $15::bigint
) AS newest
WHERE ($2::text IS NULL OR actor = $2)
  AND ($3::text IS NULL OR operation = $3 OR starts_with(operation, $3 || '.'))
  AND ($4::text IS NULL OR action_kind = $4)
  AND ($5::text IS NULL OR resource COLLATE "C" = $5)
  AND ($13::text IS NULL OR starts_with(resource COLLATE "C", $13))
  AND ($11::text[] IS NULL OR EXISTS (SELECT 1 FROM unnest($11) AS o (name)
                                      WHERE operation = o.name OR starts_with(operation, o.name || '.')))
  AND ($12::text[] IS NULL OR NOT EXISTS (SELECT 1 FROM unnest($12) AS o (name)
                                          WHERE operation = o.name OR starts_with(operation, o.name || '.')))
ORDER BY CASE WHEN $14::bool THEN at END DESC, id DESC LIMIT $9 OFFSET $10;

-- name: list_matching
-- The same page, selected from all rows by the most selective index. Without MATERIALIZED, the planner would read rows
-- in their order, because it expects to find enough of them soon.
WITH matching AS MATERIALIZED (
  SELECT id, CASE WHEN $14::bool THEN at END AS at
  FROM audit
  WHERE (workspace = $1 OR $1::text IS NULL AND workspace IS NULL)
    AND ($6::timestamptz IS NULL OR at >= $6)
    AND ($7::timestamptz IS NULL OR at < $7)
    AND ($8::bigint IS NULL OR $14 OR id < $8)
    AND ($8::bigint IS NULL OR NOT $14
         OR (at, id) < ((SELECT b.at FROM audit AS b WHERE b.workspace IS NOT DISTINCT FROM $1 AND b.id = $8), $8))
    AND ($2::text IS NULL OR actor = $2)
    AND ($3::text IS NULL OR operation COLLATE "C" >= $3 AND operation COLLATE "C" < $3 || '/')
    AND ($3::text IS NULL OR operation = $3 OR starts_with(operation, $3 || '.'))
    AND ($4::text IS NULL OR action_kind = $4)
    AND ($5::text IS NULL OR resource COLLATE "C" = $5)
    AND ($13::text IS NULL OR starts_with(resource COLLATE "C", $13))
    AND ($11::text[] IS NULL OR EXISTS (SELECT 1 FROM unnest($11) AS o (name)
                                        WHERE operation = o.name OR starts_with(operation, o.name || '.')))
    AND ($12::text[] IS NULL OR NOT EXISTS (SELECT 1 FROM unnest($12) AS o (name)
                                            WHERE operation = o.name OR starts_with(operation, o.name || '.')))
)
SELECT id, workspace, at, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id
FROM audit
WHERE id IN (SELECT id FROM matching ORDER BY at DESC, id DESC LIMIT $9::bigint OFFSET $10::bigint)
ORDER BY CASE WHEN $14::bool THEN at END DESC, id DESC;

-- name: list_ascending
-- The rows of a workspace, oldest first, those after $8 up to $9. $3: an operation, or its first part.
SELECT id, workspace, at, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id
FROM audit
WHERE workspace = $1
  AND ($2::text IS NULL OR actor = $2)
  AND ($3::text IS NULL OR operation COLLATE "C" >= $3 AND operation COLLATE "C" < $3 || '/')
  AND ($3::text IS NULL OR operation = $3 OR starts_with(operation, $3 || '.'))
  AND ($4::text IS NULL OR action_kind = $4)
  AND ($5::text IS NULL OR resource COLLATE "C" = $5)
  AND ($13::text IS NULL OR starts_with(resource COLLATE "C", $13))
  AND ($6::timestamptz IS NULL OR at >= $6)
  AND ($7::timestamptz IS NULL OR at < $7)
  AND ($11::text[] IS NULL OR EXISTS (SELECT 1 FROM unnest($11) AS o (name)
                                      WHERE operation = o.name OR starts_with(operation, o.name || '.')))
  AND ($12::text[] IS NULL OR NOT EXISTS (SELECT 1 FROM unnest($12) AS o (name)
                                          WHERE operation = o.name OR starts_with(operation, o.name || '.')))
  AND id > $8 AND id <= $9
ORDER BY id LIMIT $10;

-- name: list_ascending_of_instance
-- The rows of the instance, oldest first, those after $8 up to $9. $1 is null, as for every row of the instance. $3: an
-- operation, or its first part.
SELECT id, workspace, at, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id
FROM audit
WHERE workspace IS NULL AND $1::text IS NULL
  AND ($2::text IS NULL OR actor = $2)
  AND ($3::text IS NULL OR operation COLLATE "C" >= $3 AND operation COLLATE "C" < $3 || '/')
  AND ($3::text IS NULL OR operation = $3 OR starts_with(operation, $3 || '.'))
  AND ($4::text IS NULL OR action_kind = $4)
  AND ($5::text IS NULL OR resource COLLATE "C" = $5)
  AND ($13::text IS NULL OR starts_with(resource COLLATE "C", $13))
  AND ($6::timestamptz IS NULL OR at >= $6)
  AND ($7::timestamptz IS NULL OR at < $7)
  AND ($11::text[] IS NULL OR EXISTS (SELECT 1 FROM unnest($11) AS o (name)
                                      WHERE operation = o.name OR starts_with(operation, o.name || '.')))
  AND ($12::text[] IS NULL OR NOT EXISTS (SELECT 1 FROM unnest($12) AS o (name)
                                          WHERE operation = o.name OR starts_with(operation, o.name || '.')))
  AND id > $8 AND id <= $9
ORDER BY id LIMIT $10;

-- name: get
-- One row of a workspace.
SELECT id, workspace, at, actor, on_behalf_of, operation, action_kind, resource, parameters, address, request_id
FROM audit
WHERE workspace = $1 AND id = $2;

-- name: was_read_recently
-- True if the trail of a workspace (null: of the instance) has a row of this operation ($4) by this reader ($2, as $3,
-- from the address $6, with the parameters $7) in the last interval $5.
SELECT EXISTS (
  SELECT 1 FROM audit
  WHERE (workspace = $1 OR $1::text IS NULL AND workspace IS NULL)
    AND actor = $2 AND on_behalf_of IS NOT DISTINCT FROM $3 AND operation = $4
    AND at > app_now() - $5::interval AND address IS NOT DISTINCT FROM $6 AND parameters IS NOT DISTINCT FROM $7::jsonb
);

-- name: get_last_id
-- The id of the newest row.
SELECT coalesce(max(id), 0) FROM audit;
