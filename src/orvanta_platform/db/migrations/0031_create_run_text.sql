-- Search in what runs got and gave: off unless a workspace wants it.

ALTER TABLE workspace ADD COLUMN search_run_data boolean NOT NULL DEFAULT false;
ALTER TABLE workspace ADD COLUMN search_past uuid;
COMMENT ON COLUMN workspace.search_run_data IS 'Whether the inputs and results of its runs are indexed for search.';
COMMENT ON COLUMN workspace.search_past IS 'Runs up to this id are indexed, or are in search_due; null: none. Kept when it is turned off until all is forgotten.';

CREATE TABLE run_text (
    workspace text NOT NULL,
    run       uuid NOT NULL,
    places    text[] NOT NULL,
    words     tsvector NOT NULL,
    PRIMARY KEY (run)
) PARTITION BY RANGE (run);
CREATE INDEX run_text_words ON run_text USING gin (words) WITH (fastupdate = off);
CREATE INDEX run_text_workspace ON run_text (workspace, run);
COMMENT ON TABLE run_text IS 'The words of a run''s inputs and results, if its workspace has them searched. Made after its end, dropped with its week.';
COMMENT ON COLUMN run_text.places IS 'Where words stand, by their positions from 1: the node (empty: the run), a colon, and args or result.';

CREATE TABLE search_due (
    run       uuid PRIMARY KEY,
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE
);
CREATE INDEX search_due_workspace ON search_due (workspace, run);
COMMENT ON TABLE search_due IS 'Runs that are to be indexed when they have ended.';

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
        FOREACH parent IN ARRAY ARRAY['run', 'job', 'event', 'value', 'log_chunk', 'log_object', 'stream_chunk', 'run_text'] LOOP
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

-- A partition for each week of which there is history.
DO $$
DECLARE
    week record;
BEGIN
    FOR week IN
        SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'run'::regclass
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF run_text %s', replace(week.name, 'run_', 'run_text_'), week.bounds);
    END LOOP;
END
$$;
