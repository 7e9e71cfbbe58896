-- Addresses that receive the changes of the items of a workspace.

CREATE TABLE item_webhook (
    workspace   text PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    sealed      bytea NOT NULL,
    key_version integer NOT NULL,
    position    xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
    tries       smallint NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT app_now(),
    error       text
);
COMMENT ON TABLE item_webhook IS 'Addresses that receive the changes of the items of a workspace.';
COMMENT ON COLUMN item_webhook.sealed IS 'URL, sealed with the data key of the workspace: it may contain a token.';
COMMENT ON COLUMN item_webhook.position IS 'Transactions of the audit trail before this one were sent or dropped.';
COMMENT ON COLUMN item_webhook.tries IS 'Number of attempts to send the next transaction.';
COMMENT ON COLUMN item_webhook.error IS 'Reason why the last attempt failed; null: it succeeded.';
