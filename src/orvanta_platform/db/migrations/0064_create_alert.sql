-- Alerts that are raised, and messages about them that are still to be sent.

CREATE TABLE alert (
    key       text PRIMARY KEY,
    kind      text NOT NULL,
    subject   text NOT NULL,
    workspace text REFERENCES workspace (id) ON DELETE CASCADE,
    detail    text NOT NULL,
    since     timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX alert_workspace ON alert (workspace) WHERE workspace IS NOT NULL;
COMMENT ON TABLE alert IS 'Conditions that hold. A row is deleted when its condition ends.';
COMMENT ON COLUMN alert.subject IS 'The queue, the server, or flow/<path> or script/<path>.';

CREATE TABLE alert_message (
    id       uuid PRIMARY KEY,
    channel  text NOT NULL,
    kind     text NOT NULL,
    subject  text NOT NULL,
    workspace text,
    detail   text NOT NULL,
    since    timestamptz NOT NULL,
    ended_at timestamptz,
    tries    smallint NOT NULL DEFAULT 0,
    due_at   timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX alert_message_due ON alert_message (due_at);
COMMENT ON COLUMN alert_message.channel IS 'Name of a channel in the setting alerts.';
COMMENT ON COLUMN alert_message.ended_at IS 'Time at which the condition ended; null: the message says that it began.';
