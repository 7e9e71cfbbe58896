-- name: tables
-- Every table that holds data of its own, with the columns that are written to it.
SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'migration'
GROUP BY c.relname ORDER BY c.relname;

-- name: references
-- Which table names rows of which.
SELECT DISTINCT c.relname AS child, p.relname AS parent
FROM pg_constraint AS f
JOIN pg_class AS c ON c.oid = f.conrelid
JOIN pg_class AS p ON p.oid = f.confrelid
WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace AND c.oid <> p.oid;

-- name: sequences
-- How far each sequence has come.
SELECT sequencename::text AS name, last_value FROM pg_sequences
WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY sequencename;

-- name: set_sequence
-- The next number of a sequence is the one after $2.
SELECT setval(format('public.%I', $1::text)::regclass, $2);

-- name: is_used
-- Whether anybody has used this installation.
SELECT EXISTS (SELECT FROM account) OR EXISTS (SELECT FROM workspace);

-- name: workers_alive
-- Workers that were heard of within half a minute.
SELECT count(*) FROM worker WHERE state = 'live' AND beat_at > app_now() - interval '30 seconds';

-- name: emptying
-- The statement that empties these tables.
SELECT 'TRUNCATE ' || string_agg(quote_ident(name), ', ') FROM unnest($1::text[]) AS name;
