-- Policies of the instance and of workspaces.

CREATE TABLE policy (
    workspace text REFERENCES workspace (id) ON DELETE CASCADE,
    name      text NOT NULL,
    body      jsonb NOT NULL,
    version   integer NOT NULL DEFAULT 1,
    edited_by text NOT NULL,
    edited_at timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE NULLS NOT DISTINCT (workspace, name)
);
COMMENT ON TABLE policy IS 'Standards that workflows and scripts are checked against when they are deployed.';
COMMENT ON COLUMN policy.workspace IS 'Null: the policy applies to all workspaces of the instance.';
COMMENT ON COLUMN policy.version IS 'Number of the change; the audit trail contains the body of each.';
