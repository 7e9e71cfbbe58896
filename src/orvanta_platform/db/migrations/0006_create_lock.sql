-- Locks of scripts: made once, found by what they are of.

CREATE TABLE lock (
    key          bytea PRIMARY KEY,
    language     text NOT NULL,
    requirements text NOT NULL,
    body         text NOT NULL,
    run          uuid,
    created_at   timestamptz NOT NULL DEFAULT app_now()
);
COMMENT ON TABLE lock IS 'What (language, content, requirements), by SHA-256, was resolved to. Written once, never changed.';
COMMENT ON COLUMN lock.run IS 'The run whose job made it.';

ALTER TABLE version ADD COLUMN made_schema json;
COMMENT ON COLUMN version.made_schema IS 'The JSON Schema read from a script''s signature where none was deployed with it: for forms, inputs are not checked against it.';
CREATE INDEX version_locking ON version (lock_job) WHERE lock_state = 'locking';

COMMENT ON COLUMN item.version IS 'The version that runs by path take: the newest locked one; where none is, the newest, whose runs wait for its lock or are told why it failed.';
