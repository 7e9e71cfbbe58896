-- Restores the state before the migration 0038_mark_derived_ids: every derived id is a UUIDv7.
DO $$
DECLARE
    of record;
BEGIN
    FOR of IN SELECT c.table_name, c.column_name FROM information_schema.columns c
              JOIN information_schema.tables t USING (table_schema, table_name)
              WHERE c.table_schema = 'public' AND c.data_type = 'uuid' AND t.table_type = 'BASE TABLE'
                AND c.column_name <> 'nonce'
                AND NOT (SELECT relispartition FROM pg_class WHERE oid = c.table_name::text::regclass)
    LOOP
        EXECUTE format('UPDATE %1$I SET %2$I = overlay(%2$I::text PLACING ''7'' FROM 15 FOR 1)::uuid
                        WHERE substr(%2$I::text, 15, 1) = ''8''', of.table_name, of.column_name);
    END LOOP;
END
$$;
UPDATE inbox SET event = regexp_replace(event::text, '([0-9a-f]{8}-[0-9a-f]{4}-)8([0-9a-f]{3}-)', '\17\2', 'g')::json
WHERE event ->> 'type' <> 'cancel_job';
UPDATE inbox SET event = json_build_object(
    'type', 'cancel_job', 'job', overlay(event ->> 'job' PLACING '7' FROM 15 FOR 1), 'reason', event ->> 'reason')
WHERE event ->> 'type' = 'cancel_job';
ALTER TABLE job_live DROP COLUMN nonce;
DELETE FROM migration WHERE name = '0038_mark_derived_ids';
