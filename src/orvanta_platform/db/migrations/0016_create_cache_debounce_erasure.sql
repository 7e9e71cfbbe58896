-- Results that are used again, calls that are put off for later ones, and what is to be erased.

CREATE TABLE cache (
    key        bytea PRIMARY KEY,
    workspace  text NOT NULL,
    run        uuid NOT NULL,
    job        uuid,
    at         timestamptz NOT NULL DEFAULT app_now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX cache_expires ON cache (expires_at);
COMMENT ON TABLE cache IS 'Whose result stands for the same inputs. The value itself is that of the job: where it is gone, so is this.';
COMMENT ON COLUMN cache.key IS 'HMAC of what runs, for whom, and of the arguments.';
COMMENT ON COLUMN cache.job IS 'Whose value is the result; null: null.';

CREATE TABLE debounce (
    key      bytea PRIMARY KEY,
    run      uuid NOT NULL,
    calls    integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT app_now(),
    at       timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70);
CREATE INDEX debounce_at ON debounce (at);
COMMENT ON TABLE debounce IS 'The run that stands for the calls of one key, as long as it has not begun.';

CREATE TABLE erasure (
    run        uuid NOT NULL,
    node_index integer NOT NULL,
    due_at     timestamptz NOT NULL,
    erased_at  timestamptz,
    PRIMARY KEY (run, node_index)
);
CREATE INDEX erasure_due ON erasure (due_at) WHERE erased_at IS NULL;
COMMENT ON TABLE erasure IS 'When values, logs and objects of a run that has ended are erased, and when they were.';
COMMENT ON COLUMN erasure.node_index IS 'The number of the node whose jobs it is about; -1: the whole run.';
