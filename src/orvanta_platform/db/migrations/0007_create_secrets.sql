-- Variables, resources, the keys their secrets are sealed with, and what running jobs have opened.

ALTER TABLE workspace ADD COLUMN secrets_readable boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN workspace.secrets_readable IS 'Whether developers may read secrets by API; off: a secret is opened for jobs alone.';

CREATE TABLE data_key (
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    version    integer NOT NULL,
    wrapped    bytea NOT NULL,
    wrapped_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, version)
);
COMMENT ON TABLE data_key IS 'What a workspace''s secrets are sealed with, itself sealed with the instance key whose fingerprint is wrapped_by. The newest seals, all open.';

CREATE TABLE variable (
    workspace   text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    path        text NOT NULL,
    value       text,
    sealed      bytea,
    key_version integer,
    description text NOT NULL DEFAULT '',
    account     bigint,
    is_oauth    boolean,
    expires_at  timestamptz,
    labels      text[],
    ws_specific boolean,
    extra_perms jsonb NOT NULL DEFAULT '{}',
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT app_now(),
    edited_by   text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, path),
    FOREIGN KEY (workspace, key_version) REFERENCES data_key (workspace, version),
    CHECK ((value IS NULL) <> (sealed IS NULL)),
    CHECK ((sealed IS NULL) = (key_version IS NULL))
);
COMMENT ON COLUMN variable.sealed IS 'A secret''s text under a data key, bound to workspace and path. Of a secret nothing stands in value.';

CREATE TABLE resource_type (
    workspace        text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name             text NOT NULL,
    schema           json,
    description      text,
    format_extension text,
    is_fileset       boolean NOT NULL DEFAULT false,
    created_by       text NOT NULL,
    edited_at        timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, name)
);

CREATE TABLE resource (
    workspace     text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    path          text NOT NULL,
    resource_type text NOT NULL,
    value         json NOT NULL,
    sealed        bytea,
    key_version   integer,
    description   text,
    labels        text[],
    ws_specific   boolean,
    extra_perms   jsonb NOT NULL DEFAULT '{}',
    created_by    text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT app_now(),
    edited_by     text NOT NULL,
    edited_at     timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, path),
    FOREIGN KEY (workspace, key_version) REFERENCES data_key (workspace, version),
    CHECK ((sealed IS NULL) = (key_version IS NULL))
);
CREATE INDEX resource_of_type ON resource (workspace, resource_type);
COMMENT ON COLUMN resource.value IS 'As it may be shown: the fields that its type calls passwords hold a mask.';
COMMENT ON COLUMN resource.sealed IS 'The masked fields, {JSON pointer: value}, under a data key, bound to workspace and path.';

CREATE TABLE opening (
    job     uuid NOT NULL,
    attempt integer NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('variable', 'resource')),
    path    text NOT NULL,
    digest  bytea NOT NULL,
    sealed  bytea NOT NULL,
    at      timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (job, attempt, kind, path, digest)
);
CREATE INDEX opening_at ON opening (at);
COMMENT ON TABLE opening IS 'A secret that an attempt of a running job was given: what its worker has to mask, sealed for that attempt. Dropped after the job.';

ALTER TABLE job_live ADD COLUMN openings integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN job_live.openings IS 'How many openings this attempt has: a worker that knows of fewer masks too little.';
