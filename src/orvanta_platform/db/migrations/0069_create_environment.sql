-- Environments: workspaces in an ordered pipeline, with rules for deployments.

CREATE TABLE environment (
    name      text PRIMARY KEY,
    position  integer NOT NULL,
    workspace text NOT NULL UNIQUE REFERENCES workspace (id) ON DELETE CASCADE,
    color     text NOT NULL,
    rules     jsonb NOT NULL,
    version   integer NOT NULL DEFAULT 1,
    edited_by text NOT NULL,
    edited_at timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE (position) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE environment IS 'Places to which releases are deployed, in the order of the pipeline.';
COMMENT ON COLUMN environment.version IS 'Number of the change; the audit trail contains the rules of each.';
