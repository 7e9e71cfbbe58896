-- Limits: so many of one key at once, and who stands in line for the next permit.

CREATE TABLE gate (
    key       bytea PRIMARY KEY,
    workspace text,
    name      text NOT NULL,
    places    integer NOT NULL CHECK (places > 0),
    window_s  double precision NOT NULL DEFAULT 0,
    in_use    integer NOT NULL DEFAULT 0 CHECK (in_use >= 0),
    given     bigint NOT NULL DEFAULT 0,
    starts    timestamptz[] NOT NULL DEFAULT '{}',
    due_at    timestamptz,
    used_at   timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX gate_due ON gate (due_at) WHERE due_at IS NOT NULL;
COMMENT ON TABLE gate IS 'A limit by the SHA-256 of its key, whose text is name. Its row is the lock of its line: the last that a step takes.';
COMMENT ON COLUMN gate.workspace IS 'Null: the key is one of all workspaces.';
COMMENT ON COLUMN gate.in_use IS 'How many rows of permit it has.';
COMMENT ON COLUMN gate.starts IS 'When permits were given, as long as the window counts them.';
COMMENT ON COLUMN gate.due_at IS 'When the window lets the next in line through, where nothing else holds it.';

CREATE TABLE gate_wait (
    job      uuid PRIMARY KEY,
    run      uuid NOT NULL,
    frame    uuid,
    key      bytea NOT NULL,
    priority smallint NOT NULL,
    seq      bigint GENERATED ALWAYS AS IDENTITY,
    since    timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX gate_wait_line ON gate_wait (key, priority DESC, seq);
CREATE INDEX gate_wait_seq ON gate_wait (key, seq);
CREATE INDEX gate_wait_run ON gate_wait (run);
COMMENT ON TABLE gate_wait IS 'A node, or a run as a whole, in line for a permit. There is no job of it that a worker could take.';
COMMENT ON COLUMN gate_wait.job IS 'The id that the node''s job has or will have; the run itself where that waits.';

CREATE TABLE permit (
    job uuid PRIMARY KEY,
    run uuid NOT NULL,
    key bytea NOT NULL,
    at  timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX permit_run ON permit (run);
CREATE INDEX permit_key ON permit (key);
COMMENT ON TABLE permit IS 'Who may run under a limit, until the node has ended or waits for a retry, or the run has ended.';
