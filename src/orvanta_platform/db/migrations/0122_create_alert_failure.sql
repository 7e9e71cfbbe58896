-- Channels of alerts whose last message could not be sent, with the reason.

CREATE TABLE alert_failure (
    channel   text PRIMARY KEY,
    error     text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT app_now()
);
COMMENT ON TABLE alert_failure IS 'Channels whose last message could not be sent. A row is deleted when one is sent.';
COMMENT ON COLUMN alert_failure.channel IS 'Name of a channel in the setting alerts.';
COMMENT ON COLUMN alert_failure.error IS 'Reason in one sentence, without the secrets of the channel.';
