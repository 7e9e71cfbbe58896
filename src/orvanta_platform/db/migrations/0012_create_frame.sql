-- Bodies of loops and branches under way, and what is known of the node that opened them.

CREATE TABLE frame (
    id         uuid PRIMARY KEY,
    run        uuid NOT NULL,
    parent     uuid,
    holder     uuid NOT NULL,
    body       smallint NOT NULL,
    place      integer NOT NULL,
    state      bytea NOT NULL,
    begun_at   timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX frame_run ON frame (run);
COMMENT ON TABLE frame IS 'An open body of a loop or branch: as run_live is for the run itself. Its run is locked before it is read.';
COMMENT ON COLUMN frame.parent IS 'The frame in which the holder stands; null: the run.';
COMMENT ON COLUMN frame.holder IS 'The counter of the node whose body it is.';

CREATE TABLE counter (
    id         uuid PRIMARY KEY,
    run        uuid NOT NULL,
    frame      uuid,
    node_index integer NOT NULL,
    attempt    integer NOT NULL,
    state      bytea NOT NULL,
    child      uuid,
    begun_at   timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX counter_run ON counter (run);
CREATE INDEX counter_child ON counter (child) WHERE child IS NOT NULL;
COMMENT ON COLUMN counter.child IS 'The run of a sub-workflow.';
COMMENT ON TABLE counter IS 'A loop, branch or sub-workflow under way: how many of its bodies are open and which is next. Its id is the node''s.';

ALTER TABLE job_live ADD COLUMN frame uuid, ADD COLUMN parent uuid, ADD COLUMN place integer;
COMMENT ON COLUMN job_live.frame IS 'The frame in which its node stands; null: the run.';
ALTER TABLE job ADD COLUMN parent uuid, ADD COLUMN place integer, ADD COLUMN result_of uuid;
COMMENT ON COLUMN job.parent IS 'The frame it ran in; with a place, the opening of the loop or branch of which it is that body. Null: the run.';
COMMENT ON COLUMN job.result_of IS 'Whose value is the result of a frame; null: its own.';
CREATE INDEX job_parent ON job (parent, place) WHERE parent IS NOT NULL;

CREATE OR REPLACE VIEW ended_job_view AS
SELECT j.id, j.workspace, true AS is_step, true AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, r.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.started_at, j.ended_at,
       j.state = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       j.error_name, coalesce(j.result_of, j.id) AS result_of, w.name AS worker, j.attempt,
       j.failures, j.mem_peak_kb, j.log_chars, r.labels, NULL::bytea AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM job j
JOIN run r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE OR REPLACE VIEW past_job_view AS
SELECT j.id, j.workspace, true AS is_step, true AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, r.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.started_at, j.ended_at,
       j.state = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       j.error_name, coalesce(j.result_of, j.id) AS result_of, w.name AS worker, j.attempt,
       j.failures, j.mem_peak_kb, j.log_chars, r.labels, NULL::bytea AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM job j
JOIN run_live r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;
