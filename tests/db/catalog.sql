-- The objects of a database without the weekly partitions. Each block returns one kind of object, ordered by name.

-- kind: relations
SELECT c.relname, c.relkind::text, c.relpersistence::text, c.reloptions, pg_get_partkeydef(c.oid),
       obj_description(c.oid, 'pg_class'), CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND NOT c.relispartition ORDER BY 1;

-- kind: columns
SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
       a.attgenerated::text, a.attstorage::text, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = 'public' AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2;

-- kind: constraints
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND NOT c.relispartition ORDER BY 1, 2;

-- kind: indexes
SELECT c.relname, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), i.indisvalid
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND NOT c.relispartition ORDER BY 1, 2;

-- kind: functions
SELECT p.proname, pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' ORDER BY 1;

-- kind: triggers
SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND NOT c.relispartition AND NOT t.tgisinternal ORDER BY 1, 2;

-- kind: sequences
SELECT s.seqrelid::regclass::text, s.seqtypid::regtype::text, s.seqstart, s.seqincrement, s.seqmax, s.seqcache
FROM pg_sequence s ORDER BY 1;

-- kind: types
SELECT t.typname, t.typtype::text, obj_description(t.oid, 'pg_type')
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd', 'r') ORDER BY 1;

-- kind: extensions
SELECT extname FROM pg_extension ORDER BY 1;
