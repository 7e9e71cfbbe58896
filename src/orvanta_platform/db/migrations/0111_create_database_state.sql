-- State of the database that only its owner may see: standbys, and transactions of other roles.

CREATE FUNCTION orvanta_standbys() RETURNS TABLE (name text, is_synchronous boolean, behind_bytes bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(nullif(application_name, ''), client_addr::text, pid::text),
           sync_state IN ('sync', 'quorum') AND current_setting('synchronous_commit') NOT IN ('off', 'local'),
           pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
                           flush_lsn)::bigint
    FROM pg_stat_replication
    WHERE state IN ('streaming', 'catchup')
    ORDER BY 1, pid
$$;
COMMENT ON FUNCTION orvanta_standbys IS 'Standbys that receive changes, whether commits wait for them, and the bytes that they have not stored.';

CREATE FUNCTION orvanta_oldest_snapshot_s() RETURNS double precision
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
$$;
COMMENT ON FUNCTION orvanta_oldest_snapshot_s IS 'Age in seconds of the oldest transaction of any role that holds back vacuum.';
