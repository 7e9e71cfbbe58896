-- Releases, requests to deploy them to environments, and deployments.

CREATE TABLE release (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    number     integer NOT NULL,
    digest     text NOT NULL,
    notes      text NOT NULL,
    paths      text[] NOT NULL,
    body       text NOT NULL,
    imported   jsonb,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE (workspace, number)
);
COMMENT ON TABLE release IS 'Immutable bundles of items of a workspace.';
COMMENT ON COLUMN release.digest IS 'SHA-256 of the body.';
COMMENT ON COLUMN release.paths IS 'Paths of the items, which a reader of the release must be able to read.';
COMMENT ON COLUMN release.imported IS 'Origin of a release that was imported: public key, workspace, number.';

CREATE TABLE deployment_request (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment  text NOT NULL REFERENCES environment (name) ON DELETE CASCADE,
    release      bigint NOT NULL REFERENCES release (id) ON DELETE CASCADE,
    kind         text NOT NULL,
    state        text NOT NULL DEFAULT 'open',
    overwrite    boolean NOT NULL,
    plan_hash    text NOT NULL,
    author       text NOT NULL,
    author_email text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    closed_by    text,
    closed_at    timestamptz
);
CREATE INDEX deployment_request_environment ON deployment_request (environment, id);
CREATE INDEX deployment_request_release ON deployment_request (release);
COMMENT ON COLUMN deployment_request.kind IS 'promotion or rollback.';
COMMENT ON COLUMN deployment_request.state IS 'open, applied, rejected or withdrawn.';
COMMENT ON COLUMN deployment_request.overwrite IS 'Items that were changed in the environment are replaced.';
COMMENT ON COLUMN deployment_request.plan_hash IS 'Hash of the plan that approvals are bound to.';

CREATE TABLE deployment_decision (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request    bigint NOT NULL REFERENCES deployment_request (id) ON DELETE CASCADE,
    decision   text NOT NULL,
    plan_hash  text NOT NULL,
    username   text NOT NULL,
    email      text NOT NULL,
    comment    text,
    created_at timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX deployment_decision_request ON deployment_decision (request);
COMMENT ON COLUMN deployment_decision.decision IS 'approved, rejected or comment.';

CREATE TABLE deployment (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment   text NOT NULL REFERENCES environment (name) ON DELETE CASCADE,
    request       bigint REFERENCES deployment_request (id) ON DELETE SET NULL,
    release       bigint REFERENCES release (id) ON DELETE SET NULL,
    source        text NOT NULL,
    number        integer NOT NULL,
    digest        text NOT NULL,
    paths         text[] NOT NULL,
    kind          text NOT NULL,
    plan_hash     text NOT NULL,
    bypass_reason text,
    applied_by    text NOT NULL,
    applied_at    timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX deployment_environment ON deployment (environment, id);
CREATE INDEX deployment_request_id ON deployment (request);
CREATE INDEX deployment_release ON deployment (release);
COMMENT ON TABLE deployment IS 'Releases that were applied to environments.';
COMMENT ON COLUMN deployment.source IS 'Workspace of the release, which may have been deleted.';

CREATE TABLE deployed_item (
    environment text NOT NULL REFERENCES environment (name) ON DELETE CASCADE,
    kind        text NOT NULL,
    path        text NOT NULL,
    hash        text NOT NULL,
    deployment  bigint NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    PRIMARY KEY (environment, kind, path)
);
CREATE INDEX deployed_item_deployment ON deployed_item (deployment);
COMMENT ON TABLE deployed_item IS 'Items as the last deployment left them, by which later changes are recognised.';

ALTER TABLE environment
    ADD COLUMN deployment bigint,
    ADD COLUMN hold_by text,
    ADD COLUMN hold_since timestamptz,
    ADD COLUMN hold_reason text;
COMMENT ON COLUMN environment.deployment IS 'Id of the last deployment.';
COMMENT ON COLUMN environment.hold_by IS 'Member whose rollback prevents promotions until the hold is lifted; null: none.';
