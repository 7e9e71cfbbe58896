-- breaking
-- Ids derived from a run become UUIDv8: only the version digit changes. Ids of runs stay UUIDv7, but for those of
-- sub-workflows, which are derived. A claim draws a nonce, over which the token of its job is signed.
-- Nothing may run meanwhile: a job that is running loses its token and is started again under its new id.

ALTER TABLE job_live ADD COLUMN nonce uuid;
COMMENT ON COLUMN job_live.nonce IS 'Drawn at random by each claim: the token of the job is signed over it. Null: never claimed.';

CREATE FUNCTION pg_temp.derived(id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT CASE substr(id::text, 15, 1) WHEN '7' THEN overlay(id::text PLACING '8' FROM 15 FOR 1)::uuid ELSE id END
$$;

CREATE TEMP TABLE own_run ON COMMIT DROP AS
    SELECT id FROM run WHERE trigger <> 'flow' OR parent IS NULL
    UNION SELECT id FROM run_live WHERE trigger <> 'flow' OR parent IS NULL;
CREATE UNIQUE INDEX ON own_run (id);
CREATE TEMP TABLE child_run ON COMMIT DROP AS
    SELECT id FROM run WHERE trigger = 'flow' AND parent IS NOT NULL
    UNION SELECT id FROM run_live WHERE trigger = 'flow' AND parent IS NOT NULL;
CREATE UNIQUE INDEX ON child_run (id);
CREATE TEMP TABLE node_job ON COMMIT DROP AS
    SELECT id FROM job UNION SELECT id FROM job_live WHERE id <> run;
CREATE UNIQUE INDEX ON node_job (id);
ANALYZE own_run, child_run, node_job;

-- Columns that name a run: changed where it is a sub-workflow's. The caller of a run may be a node's job.
UPDATE run SET id = pg_temp.derived(id) WHERE id IN (SELECT id FROM child_run);
UPDATE run_live SET id = pg_temp.derived(id) WHERE id IN (SELECT id FROM child_run);
UPDATE run SET parent = pg_temp.derived(parent)
    WHERE parent IN (SELECT id FROM child_run) OR parent IN (SELECT id FROM node_job);
UPDATE run_live SET parent = pg_temp.derived(parent)
    WHERE parent IN (SELECT id FROM child_run) OR parent IN (SELECT id FROM node_job);
UPDATE run SET root = pg_temp.derived(root)
    WHERE root IN (SELECT id FROM child_run) OR root IN (SELECT id FROM node_job);
UPDATE run_live SET root = pg_temp.derived(root)
    WHERE root IN (SELECT id FROM child_run) OR root IN (SELECT id FROM node_job);
UPDATE event SET run = pg_temp.derived(run) WHERE run IN (SELECT id FROM child_run);
UPDATE run_text SET run = pg_temp.derived(run) WHERE run IN (SELECT id FROM child_run);
UPDATE search_due SET run = pg_temp.derived(run) WHERE run IN (SELECT id FROM child_run);
UPDATE erasure SET run = pg_temp.derived(run) WHERE run IN (SELECT id FROM child_run);
UPDATE debounce SET run = pg_temp.derived(run) WHERE run IN (SELECT id FROM child_run);

-- Columns that name something inside a run.
UPDATE run SET result_of = pg_temp.derived(result_of)
    WHERE result_of IS NOT NULL AND NOT EXISTS (SELECT FROM own_run o WHERE o.id = result_of);
UPDATE job SET id = pg_temp.derived(id), parent = pg_temp.derived(parent), result_of = pg_temp.derived(result_of),
    run = CASE WHEN EXISTS (SELECT FROM child_run c WHERE c.id = job.run) THEN pg_temp.derived(run) ELSE run END;
UPDATE job_live SET frame = pg_temp.derived(frame), parent = pg_temp.derived(parent),
    id = CASE WHEN EXISTS (SELECT FROM own_run o WHERE o.id = job_live.id) THEN id ELSE pg_temp.derived(id) END,
    run = CASE WHEN EXISTS (SELECT FROM child_run c WHERE c.id = job_live.run) THEN pg_temp.derived(run) ELSE run END;
UPDATE frame SET id = pg_temp.derived(id), parent = pg_temp.derived(parent), holder = pg_temp.derived(holder),
    run = CASE WHEN EXISTS (SELECT FROM child_run c WHERE c.id = frame.run) THEN pg_temp.derived(run) ELSE run END;
UPDATE counter SET id = pg_temp.derived(id), frame = pg_temp.derived(frame), child = pg_temp.derived(child),
    run = CASE WHEN EXISTS (SELECT FROM child_run c WHERE c.id = counter.run) THEN pg_temp.derived(run) ELSE run END;
UPDATE value SET id = pg_temp.derived(id) WHERE NOT EXISTS (SELECT FROM own_run o WHERE o.id = value.id);
UPDATE log_chunk SET job = pg_temp.derived(job) WHERE NOT EXISTS (SELECT FROM own_run o WHERE o.id = job);
UPDATE log_object SET job = pg_temp.derived(job) WHERE NOT EXISTS (SELECT FROM own_run o WHERE o.id = job);
UPDATE stream_chunk SET job = pg_temp.derived(job) WHERE NOT EXISTS (SELECT FROM own_run o WHERE o.id = job);
UPDATE opening SET job = pg_temp.derived(job) WHERE NOT EXISTS (SELECT FROM own_run o WHERE o.id = job);
UPDATE notice SET id = pg_temp.derived(id);

DO $$
DECLARE
    changed text[];
BEGIN
    -- Table and the column of it that names a node, or the run as a whole, beside its run.
    FOREACH changed SLICE 1 IN ARRAY ARRAY[
        ['timer', 'job'], ['approval', 'job'], ['decision', 'job'], ['notice', 'job'], ['pause', 'job'],
        ['gate_wait', 'job'], ['permit', 'job'], ['permit', 'lender'], ['cache', 'job'], ['step_debounce', 'job']]
    LOOP
        EXECUTE format('UPDATE %1$I SET %2$I = pg_temp.derived(%2$I) WHERE %2$I IS NOT NULL
                        AND NOT EXISTS (SELECT FROM own_run o WHERE o.id = %1$I.%2$I)', changed[1], changed[2]);
        IF changed[2] = 'job' THEN
            EXECUTE format('UPDATE %1$I SET run = pg_temp.derived(run)
                            WHERE run IN (SELECT id FROM child_run)', changed[1]);
        END IF;
    END LOOP;
END
$$;
UPDATE pause SET frame = pg_temp.derived(frame) WHERE frame IS NOT NULL;
UPDATE gate_wait SET frame = pg_temp.derived(frame) WHERE frame IS NOT NULL;
UPDATE step_debounce SET frame = pg_temp.derived(frame) WHERE frame IS NOT NULL;

-- Events that a run has not taken in yet. A text of a person in them has its quotes escaped and is not matched.
UPDATE inbox SET event = regexp_replace(
        event::text, '("(?:job|frame|node|run)"\s*:\s*"[0-9a-f]{8}-[0-9a-f]{4}-)7', '\18', 'g')::json
    WHERE event ->> 'type' <> 'frames_begin';
UPDATE inbox SET event = regexp_replace(event::text, '("[0-9a-f]{8}-[0-9a-f]{4}-)7', '\18', 'g')::json
    WHERE event ->> 'type' = 'frames_begin';
UPDATE inbox SET event = replace(event::text, pg_temp.derived(run)::text, run::text)::json
    WHERE run IN (SELECT id FROM own_run);
UPDATE inbox SET event = replace(event::text, c.id::text, pg_temp.derived(c.id)::text)::json
    FROM child_run c WHERE event ->> 'type' = 'handed_over' AND event ->> 'by' = c.id::text;
UPDATE inbox SET run = pg_temp.derived(run) WHERE run IN (SELECT id FROM child_run);

DROP FUNCTION pg_temp.derived(uuid);
