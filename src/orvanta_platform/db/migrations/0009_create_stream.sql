-- Streamed results: text that a job gives away while it runs, kept as a log is, beside it.

CREATE TABLE stream_chunk (
    job        uuid NOT NULL,
    attempt    integer NOT NULL,
    seq        integer NOT NULL,
    first_char bigint NOT NULL,
    chars      integer NOT NULL,
    body       bytea NOT NULL,
    at         timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (job, attempt, seq)
) PARTITION BY RANGE (job);
ALTER TABLE stream_chunk ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE stream_chunk IS 'Text that an attempt gave away while it ran, in UTF-8, zlib. first_char counts characters of its stream before it.';

CREATE OR REPLACE FUNCTION ensure_partitions(around timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    parent text;
    start  timestamptz;
    made   integer := 0;
    child  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('orvanta.partitions'));
    FOR week IN -1..2 LOOP
        start := date_trunc('week', around AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(weeks => week);
        FOREACH parent IN ARRAY ARRAY['run', 'job', 'event', 'value', 'log_chunk', 'log_object', 'stream_chunk'] LOOP
            child := parent || '_' || to_char(start AT TIME ZONE 'UTC', 'IYYY"w"IW');
            IF to_regclass(child) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                               child, parent, uuid_at(start), uuid_at(start + interval '7 days'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
