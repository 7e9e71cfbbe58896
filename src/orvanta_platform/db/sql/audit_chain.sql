-- name: get_position
-- Position (transaction and id) up to which all rows are linked: that of the last linked row, as rows are linked in
-- this order. All rows of a restored backup have the transaction that restored them. Rows of a database that was moved
-- may have transactions that this cluster has not started yet, which are ignored.
SELECT a.xid::text::bigint AS xid,
       coalesce((SELECT min(o.id) - 1 FROM audit AS o
                 WHERE o.xid = a.xid AND NOT EXISTS (SELECT FROM audit_link AS l WHERE l.audit = o.id)), a.id) AS id
FROM audit AS a
WHERE a.xid < pg_snapshot_xmax(pg_current_snapshot()) AND EXISTS (SELECT FROM audit_link AS l WHERE l.audit = a.id)
ORDER BY a.xid DESC, a.id DESC LIMIT 1;

-- name: is_linked
-- True if there is a row with a link at the position ($1, $2).
SELECT EXISTS (SELECT FROM audit AS a JOIN audit_link AS l ON l.audit = a.id
               WHERE a.xid = $1::bigint::text::xid8 AND a.id = $2);

-- name: has_unlinked
-- True if there are rows that list_unlinked returns for the position ($1, $2), or no row with a link at the position.
SELECT EXISTS (
           SELECT FROM audit AS a
           WHERE (a.xid, a.id) > ($1::bigint::text::xid8, $2::bigint)
             AND a.xid < pg_snapshot_xmin(pg_current_snapshot())
             AND NOT EXISTS (SELECT FROM audit_link AS l WHERE l.audit = a.id))
    OR NOT EXISTS (SELECT FROM audit AS a JOIN audit_link AS l ON l.audit = a.id
                   WHERE a.xid = $1::bigint::text::xid8 AND a.id = $2::bigint) AS has_unlinked;

-- name: list_unlinked
-- Rows without a link after the position ($1, $2) whose transactions are older than every running one; at most $3.
SELECT a.id, a.workspace, a.at, a.actor, a.on_behalf_of, a.operation, a.action_kind, a.resource, a.parameters,
       a.address, a.request_id, a.xid::text::bigint AS xid
FROM audit AS a
WHERE (a.xid, a.id) > ($1::bigint::text::xid8, $2::bigint) AND a.xid < pg_snapshot_xmin(pg_current_snapshot())
  AND NOT EXISTS (SELECT FROM audit_link AS l WHERE l.audit = a.id)
ORDER BY a.xid, a.id LIMIT $3;

-- name: get_heads
-- The last link of each of these workspaces; empty: the instance.
SELECT w.workspace, h.n, h.hash
FROM unnest($1::text[]) AS w (workspace)
CROSS JOIN LATERAL (
    SELECT l.n, l.hash FROM audit_link AS l WHERE l.workspace = w.workspace ORDER BY l.n DESC LIMIT 1
) AS h;

-- name: append
-- Appends links.
INSERT INTO audit_link (workspace, n, audit, row_hash, hash)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]);

-- name: list_links
-- The links of a workspace after the link $2, with their rows, which are null if they are gone.
SELECT l.n, l.audit, l.row_hash, l.hash, a.id, a.workspace, a.at, a.actor, a.on_behalf_of, a.operation, a.action_kind,
       a.resource, a.parameters, a.address, a.request_id
FROM audit_link AS l
LEFT JOIN audit AS a ON a.id = l.audit
WHERE l.workspace = $1 AND l.n > $2
ORDER BY l.n LIMIT $3;

-- name: count_unlinked
-- Number of rows of a workspace that are not linked although they are older than 10 seconds, and the first of them.
SELECT count(*), min(a.id)
FROM audit AS a
WHERE (a.workspace = $1 OR ($1 = '' AND a.workspace IS NULL)) AND a.at < app_now() - interval '10 seconds'
  AND NOT EXISTS (SELECT FROM audit_link AS l WHERE l.audit = a.id);

-- name: list_heads
-- The last link of every chain; empty: the instance.
SELECT w.workspace, h.n, h.hash
FROM (SELECT id FROM workspace UNION ALL SELECT '') AS w (workspace)
CROSS JOIN LATERAL (
    SELECT l.n, l.hash FROM audit_link AS l WHERE l.workspace = w.workspace ORDER BY l.n DESC LIMIT 1
) AS h
ORDER BY w.workspace;

-- name: get_checkpoint
-- The last link of a chain that retention has deleted.
SELECT n, hash
FROM audit_checkpoint
WHERE workspace = $1
ORDER BY n DESC LIMIT 1;

-- name: list_chains
-- Workspaces that have a chain; empty: the instance.
WITH RECURSIVE chain AS (
    (SELECT workspace FROM audit_link ORDER BY workspace LIMIT 1)
    UNION ALL
    SELECT (SELECT l.workspace FROM audit_link AS l WHERE l.workspace > c.workspace ORDER BY l.workspace LIMIT 1)
    FROM chain AS c
    WHERE c.workspace IS NOT NULL
)
SELECT workspace FROM chain WHERE workspace IS NOT NULL;

-- name: allow_retention
-- Permits the owner of the tables to delete audit rows until the transaction ends.
SELECT set_config('orvanta.audit_retention', 'on', true);

-- name: drop_oldest
-- Deletes the first links of a chain, at most $3, up to the first whose row is not older than $2 or is missing, with
-- their rows; the last link of the chain remains. Records the checkpoint.
WITH first AS (
    SELECT l.n, l.audit, l.hash, bool_and(coalesce(a.at < $2, false)) OVER (ORDER BY l.n) AS is_old
    FROM (SELECT n, audit, hash FROM audit_link WHERE workspace = $1 ORDER BY n LIMIT $3) AS l
    LEFT JOIN audit AS a ON a.id = l.audit
), old AS (
    SELECT n, audit, hash
    FROM first
    WHERE is_old AND n < (SELECT max(n) FROM audit_link WHERE workspace = $1)
), links AS (
    DELETE FROM audit_link AS l USING old AS o WHERE l.workspace = $1 AND l.n = o.n
), rows AS (
    DELETE FROM audit AS a USING old AS o WHERE a.id = o.audit
)
INSERT INTO audit_checkpoint (workspace, n, hash)
SELECT $1, n, hash FROM old ORDER BY n DESC LIMIT 1
RETURNING n, hash, (SELECT count(*) FROM old) AS rows;
