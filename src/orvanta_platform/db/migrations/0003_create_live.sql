-- What is under way. Narrow rows, no payload, nothing that grows with history.

CREATE SEQUENCE job_seq CACHE 1;

CREATE TABLE run_live (
    id              uuid PRIMARY KEY,
    workspace       text NOT NULL,
    kind            text NOT NULL,
    path            text,
    version         bigint,
    document        bytea,
    language        text,
    pin_set         bytea,
    engine_version  smallint NOT NULL,
    rev             integer NOT NULL DEFAULT 0,
    state           bytea NOT NULL,
    status          text NOT NULL CHECK (status IN ('queued', 'running', 'awaiting_approval', 'cancelling')),
    cancel_at       timestamptz,
    cancel_by       text,
    cancel_reason   text,
    priority        smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 100),
    queue           text,
    parent          uuid,
    root            uuid NOT NULL,
    trigger         text NOT NULL,
    created_by      text NOT NULL,
    email           text NOT NULL,
    permissioned_as text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT app_now(),
    scheduled_at    timestamptz NOT NULL DEFAULT app_now(),
    started_at      timestamptz,
    seed            bigint NOT NULL,
    timeout_s       double precision,
    labels          text[],
    CHECK ((status = 'cancelling') = (cancel_at IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX run_live_workspace ON run_live (workspace, id);
CREATE INDEX run_live_parent ON run_live (parent) WHERE parent IS NOT NULL;
COMMENT ON TABLE run_live IS 'A run that has not ended. It is the root frame: every change of its jobs except claim bumps rev.';
COMMENT ON COLUMN run_live.started_at IS 'The earliest start of a job that has ended; null until one has.';

CREATE TABLE job_live (
    id           uuid PRIMARY KEY,
    run          uuid NOT NULL,
    workspace    text NOT NULL,
    node         text,
    node_index   integer NOT NULL,
    kind         text NOT NULL,
    language     text,
    path         text,
    queue        text NOT NULL,
    priority     smallint NOT NULL CHECK (priority BETWEEN 0 AND 100),
    lane         smallint NOT NULL CHECK (lane IN (0, 1)),
    seq          bigint,
    state        text NOT NULL CHECK (state IN ('scheduled', 'available', 'running')),
    attempt      integer NOT NULL DEFAULT 0,
    losses       smallint NOT NULL DEFAULT 0,
    failures     integer NOT NULL DEFAULT 0,
    worker       uuid,
    generation   integer,
    timeout_s    double precision,
    enqueued_at  timestamptz NOT NULL,
    claimed_at   timestamptz,
    attempts     json NOT NULL DEFAULT '[]',
    CHECK ((state = 'running') = (worker IS NOT NULL AND generation IS NOT NULL)),
    CHECK ((state = 'available') = (seq IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX job_live_claim ON job_live (queue, priority DESC, lane, seq) WHERE state = 'available';
CREATE INDEX job_live_run ON job_live (run);
COMMENT ON COLUMN job_live.lane IS '0: a run under way; 1: the first job of a new run.';
COMMENT ON COLUMN job_live.attempt IS 'How often it was started.';
COMMENT ON COLUMN job_live.attempts IS 'The attempts that ended without ending the job: [{attempt, worker, claimed_at, ended_at, reason}].';

CREATE TABLE timer (
    run    uuid NOT NULL,
    job    uuid NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('start', 'retry', 'cancel')),
    due_at timestamptz NOT NULL,
    PRIMARY KEY (run, job, kind)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE inbox (
    run        uuid NOT NULL,
    seq        bigint GENERATED ALWAYS AS IDENTITY,
    event      json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (run, seq)
);
CREATE INDEX inbox_created ON inbox (created_at);

CREATE TABLE worker (
    id            uuid PRIMARY KEY,
    name          text NOT NULL,
    instance      text NOT NULL,
    ip            text NOT NULL,
    worker_group  text NOT NULL,
    queues        text[],
    slots         integer NOT NULL,
    version       text NOT NULL,
    isolation     text NOT NULL,
    generation    integer NOT NULL DEFAULT 1,
    beat          bigint NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'lost', 'stopped')),
    jobs_executed bigint NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL DEFAULT app_now(),
    beat_at       timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 50);
COMMENT ON TABLE worker IS 'Leases belong to workers: a job carries (worker, generation). queues null: every queue.';

CREATE TABLE leader (
    name   text PRIMARY KEY,
    holder uuid NOT NULL,
    term   bigint NOT NULL,
    beat   bigint NOT NULL
) WITH (fillfactor = 50);
