-- Error handlers of workspaces, and the failed runs for which they are still to be started.

CREATE TABLE error_handler (
    workspace       text PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    path            text NOT NULL,
    is_flow         boolean NOT NULL,
    permissioned_as text NOT NULL,
    email           text NOT NULL,
    edited_by       text NOT NULL,
    edited_at       timestamptz NOT NULL DEFAULT app_now(),
    error           text
);
COMMENT ON TABLE error_handler IS 'The script or workflow that runs after each failed run of a workspace.';
COMMENT ON COLUMN error_handler.permissioned_as IS 'The admin who set it, as whom it runs; never the member whose run failed.';
COMMENT ON COLUMN error_handler.error IS 'Reason for which it could not start for the last failed run; null: it started.';

CREATE TABLE failed_run (
    run       uuid PRIMARY KEY,
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    tries     smallint NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX failed_run_due ON failed_run (due_at);
CREATE INDEX failed_run_workspace ON failed_run (workspace);
COMMENT ON TABLE failed_run IS 'Failed runs whose error handler is still to be started. A row is deleted in the transaction that starts it.';
