-- Schedules, and what became of each of their ticks.

CREATE TABLE schedule (
    id                     uuid PRIMARY KEY,
    workspace              text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    path                   text NOT NULL,
    cron                   text NOT NULL,
    timezone               text NOT NULL,
    enabled                boolean NOT NULL,
    next_at                timestamptz,
    missed                 text NOT NULL DEFAULT 'once' CHECK (missed IN ('skip', 'once', 'all')),
    script_path            text NOT NULL,
    is_flow                boolean NOT NULL,
    args                   json,
    tag                    text,
    retry                  json,
    no_flow_overlap        boolean NOT NULL DEFAULT false,
    paused_until           timestamptz,
    dynamic_skip           text,
    on_failure             text,
    on_failure_times       integer,
    on_failure_exact       boolean,
    on_failure_extra_args  json,
    on_recovery            text,
    on_recovery_times      integer,
    on_recovery_extra_args json,
    on_success             text,
    on_success_extra_args  json,
    ws_error_handler_muted boolean,
    summary                text,
    description            text,
    cron_version           text,
    labels                 text[],
    error                  text,
    permissioned_as        text NOT NULL,
    email                  text NOT NULL,
    extra_perms            jsonb NOT NULL DEFAULT '{}',
    created_by             text NOT NULL,
    created_at             timestamptz NOT NULL DEFAULT app_now(),
    edited_by              text NOT NULL,
    edited_at              timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE (workspace, path),
    CHECK (enabled OR next_at IS NULL)
) WITH (fillfactor = 70);
CREATE INDEX schedule_next ON schedule (next_at) WHERE enabled;
COMMENT ON COLUMN schedule.next_at IS 'The tick that comes next, made from the one before, never from the clock. Null: disabled, or it never ticks again.';
COMMENT ON COLUMN schedule.error IS 'Why the last tick, or a handler, could not start; null where it did.';

CREATE TABLE schedule_tick (
    schedule  uuid NOT NULL,
    tick_at   timestamptz NOT NULL,
    workspace text NOT NULL,
    path      text NOT NULL,
    state     text NOT NULL CHECK (state IN ('asking', 'running', 'ended', 'skipped', 'missed', 'failed')),
    run       uuid,
    asked     uuid,
    outcome   text CHECK (outcome IN ('succeeded', 'failed', 'cancelled')),
    ended_at  timestamptz,
    streak    integer,
    owed      text[] NOT NULL DEFAULT '{}',
    detail    text,
    at        timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (schedule, tick_at),
    CHECK (state NOT IN ('running', 'ended') OR run IS NOT NULL),
    CHECK ((state = 'ended') = (outcome IS NOT NULL AND ended_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX schedule_tick_open ON schedule_tick (schedule, tick_at) WHERE state IN ('asking', 'running');
CREATE INDEX schedule_tick_owed ON schedule_tick (schedule, tick_at) WHERE owed <> '{}';
CREATE INDEX schedule_tick_ended ON schedule_tick (schedule, ended_at) WHERE state = 'ended';
CREATE INDEX schedule_tick_run ON schedule_tick (run) WHERE run IS NOT NULL;
CREATE INDEX schedule_tick_path ON schedule_tick (workspace, path);
COMMENT ON TABLE schedule_tick IS 'What became of a tick: a run, or why there is none. It outlives its schedule, for the runs it started.';
COMMENT ON COLUMN schedule_tick.asked IS 'The run of the script dynamic_skip, whose answer decides.';
COMMENT ON COLUMN schedule_tick.streak IS 'How many runs of the schedule have ended alike since one ended otherwise, this one included.';
COMMENT ON COLUMN schedule_tick.owed IS 'Handlers that are still to be started for its end.';
