-- Checks that are performed after a deployment, and the rollback that follows if they fail.

CREATE TABLE deployment_check (
    deployment       bigint PRIMARY KEY REFERENCES deployment (id) ON DELETE CASCADE,
    checks           jsonb NOT NULL,
    on_failed        text NOT NULL,
    permissioned_as  text NOT NULL,
    email            text NOT NULL,
    scopes           text[],
    state            text NOT NULL DEFAULT 'waiting',
    results          jsonb NOT NULL DEFAULT '[]',
    run              uuid,
    run_until        timestamptz,
    created_at       timestamptz NOT NULL DEFAULT app_now(),
    ended_at         timestamptz,
    rollback         text,
    rollback_request bigint REFERENCES deployment_request (id) ON DELETE SET NULL,
    rollback_detail  text,
    due_at           timestamptz DEFAULT app_now()
);
CREATE INDEX deployment_check_due ON deployment_check (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deployment_check_rollback_request ON deployment_check (rollback_request);
COMMENT ON TABLE deployment_check IS 'Checks of an environment after a release was promoted to it.';
COMMENT ON COLUMN deployment_check.checks IS 'The rule of the environment at the time of the deployment.';
COMMENT ON COLUMN deployment_check.on_failed IS 'The rule at that time: nothing, hold or rollback.';
COMMENT ON COLUMN deployment_check.permissioned_as IS 'Member u/<username> who applied the release, as whom the smoke run and a rollback act.';
COMMENT ON COLUMN deployment_check.scopes IS 'Scopes of the token that applied the release, which limit both; null: none.';
COMMENT ON COLUMN deployment_check.state IS 'waiting, running (the smoke run was started), passed or failed.';
COMMENT ON COLUMN deployment_check.run_until IS 'Time at which the smoke run counts as failed.';
COMMENT ON COLUMN deployment_check.rollback IS 'due, done or refused; null: no rollback.';
COMMENT ON COLUMN deployment_check.due_at IS 'Time of the next attempt, postponed while a server makes one; null: nothing remains to be done.';
