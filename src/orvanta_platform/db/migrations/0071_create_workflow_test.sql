-- Tests of workflows.

CREATE TABLE workflow_test (
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    path      text NOT NULL,
    name      text NOT NULL,
    body      json NOT NULL,
    hash      text NOT NULL,
    version   integer NOT NULL DEFAULT 1,
    edited_by text NOT NULL,
    edited_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, path, name)
);
COMMENT ON TABLE workflow_test IS 'Tests of workflows: recorded answers of their nodes, and expectations.';
COMMENT ON COLUMN workflow_test.path IS 'That of the workflow.';
COMMENT ON COLUMN workflow_test.hash IS 'Of the body, as hex digits: equal tests have equal ones.';
COMMENT ON COLUMN workflow_test.version IS 'Number of the change.';
