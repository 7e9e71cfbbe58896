-- name: get_horizon
-- The oldest transaction that is still running: all before it have ended.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: list
-- Changes of items by the transactions from $2 up to $3, in order, with the name and address of who made them: at most
-- $5, and the further ones of the last transaction.
SELECT a.xid::text::bigint AS xid, a.at, a.actor, a.operation, a.resource, a.parameters::text AS parameters,
       coalesce(nullif(c.name, ''), a.actor) AS name, coalesce(m.email, '') AS email
FROM (
    SELECT *
    FROM audit AS a
    WHERE a.xid >= $2::bigint::text::xid8 AND a.xid < $3::bigint::text::xid8 AND a.workspace = $1
      AND a.action_kind <> 'Execute' AND split_part(a.operation, '.', 1) = ANY ($4::text[])
    ORDER BY a.xid FETCH FIRST ($5) ROWS WITH TIES
) AS a
LEFT JOIN member AS m ON m.workspace = a.workspace AND m.username = a.actor
LEFT JOIN account AS c ON c.email = m.email
ORDER BY a.xid, a.id;
