-- What was. Written once, partitioned by range of id (UUIDv7, so by week), dropped by partition.

CREATE TABLE run (
    id              uuid PRIMARY KEY,
    workspace       text NOT NULL,
    kind            text NOT NULL,
    path            text,
    version         bigint,
    document        bytea,
    language        text,
    pin_set         bytea,
    engine_version  smallint NOT NULL,
    state           bytea NOT NULL,
    status          text NOT NULL CHECK (status IN ('succeeded', 'failed', 'cancelled')),
    recovered       boolean NOT NULL DEFAULT false,
    skipped         boolean NOT NULL DEFAULT false,
    error_name      text,
    result_of       uuid,
    cancel_by       text,
    cancel_reason   text,
    priority        smallint NOT NULL,
    queue           text,
    parent          uuid,
    root            uuid NOT NULL,
    trigger         text NOT NULL,
    created_by      text NOT NULL,
    email           text NOT NULL,
    permissioned_as text NOT NULL,
    created_at      timestamptz NOT NULL,
    scheduled_at    timestamptz NOT NULL,
    started_at      timestamptz,
    ended_at        timestamptz NOT NULL,
    seed            bigint NOT NULL,
    worker          uuid,
    generation      integer,
    attempt         integer NOT NULL DEFAULT 0,
    attempts        json NOT NULL DEFAULT '[]',
    mem_peak_kb     integer,
    log_chars       bigint NOT NULL DEFAULT 0,
    labels          text[]
) PARTITION BY RANGE (id);
CREATE INDEX run_workspace ON run (workspace, id);
COMMENT ON COLUMN run.result_of IS 'Whose value is the result: the node''s that gave it, or the run''s own. Null: null.';
COMMENT ON COLUMN run.attempts IS 'With worker, attempt, mem_peak_kb, log_chars: of a run of one node, which has no row in job.';

CREATE TABLE job (
    id          uuid PRIMARY KEY,
    run         uuid NOT NULL,
    workspace   text NOT NULL,
    node        text NOT NULL,
    node_index  integer NOT NULL,
    kind        text NOT NULL,
    language    text,
    path        text,
    queue       text,
    state       text NOT NULL CHECK (state IN ('succeeded', 'failed', 'cancelled')),
    error_name  text,
    worker      uuid,
    generation  integer,
    attempt     integer NOT NULL DEFAULT 0,
    losses      smallint NOT NULL DEFAULT 0,
    failures    integer NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL,
    started_at  timestamptz,
    ended_at    timestamptz NOT NULL,
    attempts    json NOT NULL DEFAULT '[]',
    mem_peak_kb integer,
    log_chars   bigint NOT NULL DEFAULT 0
) PARTITION BY RANGE (id);
CREATE INDEX job_run ON job (run);
COMMENT ON COLUMN job.queue IS 'Null: a node that needed no job (decided inside the step).';

CREATE TABLE event (
    run  uuid NOT NULL,
    seq  bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    node text,
    at   timestamptz NOT NULL DEFAULT app_now(),
    data json,
    PRIMARY KEY (run, seq)
) PARTITION BY RANGE (run);

CREATE TABLE value (
    id       uuid NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('args', 'result', 'context')),
    name     text NOT NULL DEFAULT '',
    size     bigint NOT NULL,
    encoding smallint NOT NULL DEFAULT 0 CHECK (encoding IN (0, 1)),
    body     bytea,
    object   text,
    PRIMARY KEY (id, kind, name),
    CHECK ((body IS NULL) <> (object IS NULL))
) PARTITION BY RANGE (id);
ALTER TABLE value ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE value IS 'JSON text by the id of its run or job; size is that of the JSON. encoding 1: zlib. object: key in object storage.';

CREATE TABLE log_chunk (
    job        uuid NOT NULL,
    attempt    integer NOT NULL,
    seq        integer NOT NULL,
    first_char bigint NOT NULL,
    chars      integer NOT NULL,
    body       bytea NOT NULL,
    at         timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (job, attempt, seq)
) PARTITION BY RANGE (job);
ALTER TABLE log_chunk ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE log_chunk IS 'UTF-8 text, zlib. first_char counts characters of the attempt''s log before it.';

CREATE FUNCTION uuid_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;
COMMENT ON FUNCTION uuid_at IS 'The lowest UUID whose first 48 bits are this millisecond.';

CREATE FUNCTION ensure_partitions(around timestamptz) RETURNS integer
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
        FOREACH parent IN ARRAY ARRAY['run', 'job', 'event', 'value', 'log_chunk'] LOOP
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
COMMENT ON FUNCTION ensure_partitions IS 'Makes the weekly partitions from the week before to two weeks after; safe to call at any time, by anyone.';
