-- What a run waits for without a job: times of its nodes.

ALTER TABLE timer DROP CONSTRAINT timer_kind_check;
ALTER TABLE timer ADD CONSTRAINT timer_kind_check CHECK (kind IN ('start', 'retry', 'cancel', 'wait', 'deadline', 'timeout'));
COMMENT ON COLUMN timer.job IS 'The run itself, one of its jobs, or the derived id of a node without one.';

ALTER TABLE value DROP CONSTRAINT value_kind_check;
ALTER TABLE value ADD CONSTRAINT value_kind_check CHECK (kind IN ('args', 'result', 'context', 'resume'));

CREATE TABLE approval (
    run       uuid NOT NULL,
    job       uuid NOT NULL,
    workspace text NOT NULL,
    node      text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('approval', 'suspend')),
    message   text NOT NULL DEFAULT '',
    groups    text,
    opened_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (run, job)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX approval_workspace ON approval (workspace, opened_at);
CREATE INDEX approval_job ON approval (job);
COMMENT ON TABLE approval IS 'What a run asks of people now; what it asks is in its plan. The row goes when nobody is asked any more.';
COMMENT ON COLUMN approval.groups IS 'JSON text: user_groups_required as computed.';

CREATE TABLE decision (
    job       uuid NOT NULL,
    resume_id bigint NOT NULL CHECK (resume_id >= 0),
    run       uuid NOT NULL,
    seq       bigint GENERATED ALWAYS AS IDENTITY,
    approved  boolean NOT NULL,
    approver  text NOT NULL,
    member    boolean NOT NULL,
    reason    text,
    payload   text NOT NULL,
    at        timestamptz NOT NULL DEFAULT app_now(),
    taken     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (job, resume_id)
);
CREATE INDEX decision_run ON decision (run);
COMMENT ON TABLE decision IS 'What people said, once per resume id, also before they were asked. Kept as long as the run.';
COMMENT ON COLUMN decision.job IS 'The node that asks, or the run: then it counts for the one that asks longest.';
COMMENT ON COLUMN decision.member IS 'Whether the approver is a member who was logged in; else the name is what the link said.';
COMMENT ON COLUMN decision.taken IS 'Whether the run has counted it.';

CREATE TABLE notice (
    id        uuid PRIMARY KEY,
    run       uuid NOT NULL,
    job       uuid NOT NULL,
    workspace text NOT NULL,
    channel   text NOT NULL CHECK (channel IN ('email', 'slack', 'webhook')),
    resource  text NOT NULL,
    tries     smallint NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX notice_due ON notice (due_at);
CREATE INDEX notice_run ON notice (run);
COMMENT ON TABLE notice IS 'What people are still to be told of an open approval. A row goes when it is sent, given up, or the approval closes.';
