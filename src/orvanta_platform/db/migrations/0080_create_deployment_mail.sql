-- Mails to approvers and authors of requests to deploy.

CREATE TABLE deployment_mail (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    request  bigint NOT NULL REFERENCES deployment_request (id) ON DELETE CASCADE,
    event    text NOT NULL,
    email    text NOT NULL,
    username text NOT NULL,
    tries    smallint NOT NULL DEFAULT 0,
    due_at   timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX deployment_mail_due ON deployment_mail (due_at);
CREATE INDEX deployment_mail_request ON deployment_mail (request);
COMMENT ON TABLE deployment_mail IS 'Mails about requests to deploy that were not sent yet.';
COMMENT ON COLUMN deployment_mail.event IS 'requested, approved, rejected or applied.';
COMMENT ON COLUMN deployment_mail.username IS 'Member who did it.';
