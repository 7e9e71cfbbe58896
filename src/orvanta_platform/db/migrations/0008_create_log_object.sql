-- Long logs as objects: what a log_chunk is while the job runs, a frame of one object is afterwards.

CREATE TABLE log_object (
    job         uuid NOT NULL,
    attempt     integer NOT NULL,
    object      text NOT NULL,
    frame_chars integer[] NOT NULL,
    frame_bytes integer[] NOT NULL,
    frame_at    timestamptz[] NOT NULL,
    at          timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (job, attempt),
    CHECK (cardinality(frame_chars) > 0 AND cardinality(frame_chars) = cardinality(frame_bytes)
           AND cardinality(frame_chars) = cardinality(frame_at))
) PARTITION BY RANGE (job);
COMMENT ON TABLE log_object IS 'The whole log of an attempt as one object in storage: frames of UTF-8 text, each zlib, one after another. A frame''s time is that of its last character.';

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
        FOREACH parent IN ARRAY ARRAY['run', 'job', 'event', 'value', 'log_chunk', 'log_object'] LOOP
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

CREATE VIEW log_piece AS
SELECT c.job, c.attempt, c.first_char, c.chars, c.at, c.body, NULL::text AS object, NULL::bigint AS start, length(c.body) AS bytes
FROM log_chunk c
WHERE NOT EXISTS (SELECT FROM log_object o WHERE o.job = c.job AND o.attempt = c.attempt)
UNION ALL
SELECT o.job, o.attempt, f.first_char, f.chars, f.at, NULL::bytea, o.object, f.start, f.bytes
FROM log_object o
CROSS JOIN LATERAL (
    SELECT sum(u.chars) OVER w - u.chars AS first_char, u.chars, u.at, sum(u.bytes) OVER w - u.bytes AS start, u.bytes
    FROM unnest(o.frame_chars, o.frame_bytes, o.frame_at) WITH ORDINALITY AS u(chars, bytes, at, n)
    WINDOW w AS (ORDER BY u.n)) f;
COMMENT ON VIEW log_piece IS 'Every log in pieces, whichever way it is kept: body, or bytes of object from start on.';
