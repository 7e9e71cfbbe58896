-- name: list_tables
-- All tables with data of their own, and their columns in the order of writing, without ids of transactions, which are
-- meaningless in another cluster.
SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND a.atttypid <> 'xid8'::regtype
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'migration'
GROUP BY c.relname
ORDER BY c.relname;

-- name: list_references
-- Pairs of tables connected by foreign keys.
SELECT DISTINCT c.relname AS child, p.relname AS parent
FROM pg_constraint AS f
JOIN pg_class AS c ON c.oid = f.conrelid
JOIN pg_class AS p ON p.oid = f.confrelid
WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND c.oid <> p.oid;

-- name: get_sequences
-- Last values of all sequences.
SELECT sequencename::text AS name, last_value
FROM pg_sequences
WHERE schemaname = 'public' AND last_value IS NOT NULL
ORDER BY sequencename;

-- name: set_sequence
-- Sets the last value of a sequence to $2.
SELECT setval(format('public.%I', $1::text)::regclass, $2);

-- name: is_used
-- Returns true if this installation has been used.
SELECT EXISTS (SELECT FROM account) OR EXISTS (SELECT FROM workspace);

-- name: count_live_workers
-- Number of workers that sent a heartbeat within half a minute.
SELECT count(*)
FROM worker
WHERE state = 'live' AND beat_at > app_now() - interval '30 seconds';

-- name: truncate_tables
-- The statement that empties these tables.
SELECT 'TRUNCATE ' || string_agg(quote_ident(name), ', ')
FROM unnest($1::text[]) AS name;
