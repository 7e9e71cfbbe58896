-- The whole schema, as all migrations leave it. For reading: a database is made by the migrations alone, and a test
-- compares what the two make. The weekly partitions of history are made by ensure_partitions().

CREATE TABLE migration (
    name       text PRIMARY KEY,
    breaking   boolean NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- People, workspaces, what they may do, and the record of what they did.

CREATE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(nullif(current_setting('orvanta.now', true), '')::timestamptz, now())
$$;
COMMENT ON FUNCTION app_now() IS 'The one clock of SQL: the session setting orvanta.now where a test set it.';

CREATE TABLE account (
    email         text PRIMARY KEY,
    username      text NOT NULL UNIQUE,
    name          text,
    password_hash text,
    login_type    text NOT NULL DEFAULT 'password',
    super_admin   boolean NOT NULL DEFAULT false,
    devops        boolean NOT NULL DEFAULT false,
    verified      boolean NOT NULL DEFAULT true,
    disabled      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT app_now(),
    deleted_at    timestamptz,
    scim_id       uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    scim_external_id text,
    identity_linked boolean NOT NULL DEFAULT false,
    disabled_by_scim boolean NOT NULL DEFAULT false,
    CHECK (deleted_at IS NULL OR (disabled AND NOT super_admin AND NOT devops AND password_hash IS NULL)),
    CHECK (login_type <> 'service' OR (password_hash IS NULL AND NOT super_admin AND NOT devops))
);
COMMENT ON COLUMN account.deleted_at IS 'Time of deletion. The row remains, so that nobody else gets the address or the username.';
COMMENT ON COLUMN account.scim_id IS 'Identifier of the account in SCIM.';
COMMENT ON COLUMN account.scim_external_id IS 'Identifier of the account at the identity provider.';
COMMENT ON COLUMN account.identity_linked IS 'An identity is or was linked to it, so that none is linked by its external identifier.';
COMMENT ON COLUMN account.disabled_by_scim IS 'A SCIM client disabled it, and may enable it.';

CREATE TABLE workspace (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    owner       text NOT NULL,
    color       text,
    archived_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT app_now(),
    secrets_readable boolean NOT NULL DEFAULT false,
    retention_days integer CHECK (retention_days > 0),
    history_from timestamptz NOT NULL DEFAULT 'epoch',
    search_run_data boolean NOT NULL DEFAULT false,
    search_past uuid,
    token_max_age_days integer CHECK (token_max_age_days BETWEEN 1 AND 3650)
);
COMMENT ON COLUMN workspace.token_max_age_days IS 'Maximum lifetime of new tokens of the workspace; null: that of the instance.';
COMMENT ON COLUMN workspace.search_run_data IS 'Whether the inputs and results of its runs are indexed for search.';
COMMENT ON COLUMN workspace.search_past IS 'Runs up to this id are indexed, or are in search_due; null: none. Kept when it is turned off until all is forgotten.';
COMMENT ON COLUMN workspace.retention_days IS 'Days after which its runs go; null: as long as the installation keeps them.';
COMMENT ON COLUMN workspace.history_from IS 'Runs begun before may be gone.';
COMMENT ON COLUMN workspace.secrets_readable IS 'Whether developers may read secrets by API; off: a secret is opened for jobs alone.';

CREATE TABLE member (
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    username   text NOT NULL,
    email      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('admin', 'developer', 'operator', 'viewer')),
    disabled   boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, username),
    UNIQUE (workspace, email)
);
CREATE INDEX member_email ON member (email);

CREATE TABLE former_member (
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    username   text NOT NULL,
    email      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    removed_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, username)
);
COMMENT ON TABLE former_member IS 'Usernames of members who were removed. Only the same account may use the username again.';

CREATE TABLE invitation (
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    email      text NOT NULL,
    role       text NOT NULL CHECK (role IN ('admin', 'developer', 'operator', 'viewer')),
    invited_by text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, email)
);
CREATE INDEX invitation_email ON invitation (email);
COMMENT ON TABLE invitation IS 'Addresses that may join a workspace; the account need not exist yet.';
COMMENT ON COLUMN invitation.invited_by IS 'E-mail address of the admin. The invitation ends when this admin loses the role.';

CREATE TABLE service_account (
    email      text PRIMARY KEY REFERENCES account (email) ON DELETE CASCADE,
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    username   text NOT NULL,
    summary    text,
    owner      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE (workspace, username)
);
CREATE INDEX service_account_owner ON service_account (owner);
COMMENT ON TABLE service_account IS 'Members without a password, for programs. They have tokens, never a session.';
COMMENT ON COLUMN service_account.owner IS 'E-mail address of the admin who answers for it.';

CREATE FUNCTION is_active_identity(of_workspace text, acting_as text, of_email text) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM account AS a
        LEFT JOIN member AS m
            ON m.workspace = of_workspace AND m.email = a.email AND 'u/' || m.username = acting_as AND NOT m.disabled
        WHERE a.email = of_email AND NOT a.disabled
          AND (m.username IS NOT NULL OR (a.super_admin AND 'u/' || a.username = acting_as)))
$$;
COMMENT ON FUNCTION is_active_identity IS 'True if runs can act as the username of this account in the workspace.';

CREATE TABLE token (
    hash         bytea PRIMARY KEY,
    prefix       text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('user', 'session', 'first_password')),
    email        text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    workspace    text REFERENCES workspace (id) ON DELETE CASCADE,
    label        text,
    scopes       text[],
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    expires_at   timestamptz,
    last_used_at timestamptz NOT NULL DEFAULT app_now(),
    last_address text,
    provider     text,
    impersonator text REFERENCES account (email) ON DELETE CASCADE,
    issued_by    text
);
COMMENT ON COLUMN token.issued_by IS 'E-mail address of the admin who created the token of a service account; null: its owner.';
COMMENT ON COLUMN token.impersonator IS 'Account of the admin who acts as the owner of this session; null: the owner itself.';
COMMENT ON COLUMN token.last_address IS 'Address of the last recorded use; null: not used yet.';
COMMENT ON COLUMN token.provider IS 'Name of the OpenID provider by which a session was started; null: by a password.';
COMMENT ON COLUMN token.hash IS 'SHA-256 of the token; the token itself is shown once and stored nowhere.';
CREATE INDEX token_email ON token (email, created_at);
CREATE INDEX token_impersonator ON token (impersonator) WHERE impersonator IS NOT NULL;

CREATE TABLE identity (
    issuer     text NOT NULL,
    subject    text NOT NULL,
    email      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (issuer, subject)
);
COMMENT ON TABLE identity IS 'Account that an identity of an OpenID provider logs in to.';
CREATE INDEX identity_email ON identity (email);

CREATE TABLE login_in_progress (
    state      bytea PRIMARY KEY,
    browser    bytea NOT NULL,
    provider   text NOT NULL,
    issuer     text NOT NULL,
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    then_path  text NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN login_in_progress.state IS 'SHA-256 of the state that the provider returns; the row is deleted when it does.';
COMMENT ON COLUMN login_in_progress.browser IS 'SHA-256 of the cookie of the browser that started the login.';
CREATE INDEX login_in_progress_expires_at ON login_in_progress (expires_at);

CREATE TABLE scim_token (
    hash         bytea PRIMARY KEY,
    prefix       text NOT NULL,
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    last_used_at timestamptz,
    expires_at   timestamptz NOT NULL
);
COMMENT ON TABLE scim_token IS 'Tokens of identity providers that manage accounts by SCIM; they belong to no account.';
COMMENT ON COLUMN scim_token.hash IS 'SHA-256 of the token; the token itself is shown once and stored nowhere.';

CREATE TABLE scim_group (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    display_name text NOT NULL UNIQUE,
    external_id  text,
    created_at   timestamptz NOT NULL DEFAULT app_now()
);
COMMENT ON TABLE scim_group IS 'Groups of an identity provider. The setting scim_grants maps them to memberships.';

CREATE TABLE scim_group_member (
    scim_group uuid NOT NULL REFERENCES scim_group (id) ON DELETE CASCADE,
    email      text NOT NULL REFERENCES account (email) ON DELETE CASCADE,
    PRIMARY KEY (scim_group, email)
);
CREATE INDEX scim_group_member_email ON scim_group_member (email);

CREATE TABLE totp (
    email          text PRIMARY KEY REFERENCES account (email) ON DELETE CASCADE,
    sealed         bytea NOT NULL,
    key_version    integer NOT NULL,
    last_step      bigint NOT NULL DEFAULT 0,
    recovery_codes bytea[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT app_now(),
    confirmed_at   timestamptz
);
COMMENT ON COLUMN totp.sealed IS 'The secret, sealed with a data key of the workspace admins.';
COMMENT ON COLUMN totp.last_step IS 'Time step of the last accepted code; codes of this step and earlier ones are refused.';
COMMENT ON COLUMN totp.recovery_codes IS 'SHA-256 of the unused recovery codes.';
COMMENT ON COLUMN totp.confirmed_at IS 'Time of the first accepted code; null: logins need no code yet.';

CREATE TABLE login_failure (
    key        text PRIMARY KEY,
    count      integer NOT NULL,
    last_at    timestamptz NOT NULL DEFAULT app_now(),
    known      boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE login_failure IS 'Attempts that are limited: failed logins of an account, of an address, and of the two together; codes of two-step logins; failed HTTP Basic calls of a route by an address; invitations.';
COMMENT ON COLUMN login_failure.key IS 'account:<hash>, address:<network>, pair:<network> <hash>, code:<hash>, route:<network> <trigger>, inviter:<hash> or invited:<hash>; <hash> is SHA-256 of the account or address in lower case.';
COMMENT ON COLUMN login_failure.last_at IS 'Time of the last attempt that counted.';
COMMENT ON COLUMN login_failure.known IS 'Of an account and an address together: somebody has logged in so.';

CREATE TABLE team (
    workspace   text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name        text NOT NULL,
    summary     text,
    extra_perms jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (workspace, name)
);
COMMENT ON TABLE team IS 'A group of members (g/<name>); group is a reserved word.';

CREATE TABLE team_member (
    workspace text NOT NULL,
    team      text NOT NULL,
    username  text NOT NULL,
    PRIMARY KEY (workspace, team, username),
    FOREIGN KEY (workspace, team) REFERENCES team (workspace, name) ON DELETE CASCADE
);
CREATE INDEX team_member_username ON team_member (workspace, username);

CREATE TABLE folder (
    workspace   text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name        text NOT NULL,
    summary     text,
    owners      text[] NOT NULL DEFAULT '{}',
    extra_perms jsonb NOT NULL DEFAULT '{}',
    created_by  text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, name)
);

CREATE TABLE audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace    text,
    at           timestamptz NOT NULL DEFAULT app_now(),
    actor        text NOT NULL,
    on_behalf_of text,
    operation    text NOT NULL,
    action_kind  text NOT NULL CHECK (action_kind IN ('Created', 'Updated', 'Delete', 'Execute')),
    resource     text,
    parameters   jsonb,
    address      text,
    request_id   text,
    xid          xid8 NOT NULL DEFAULT pg_current_xact_id()
);
COMMENT ON COLUMN audit.xid IS 'Transaction that wrote the row. Rows are linked once no older transaction is running.';
CREATE INDEX audit_workspace ON audit (workspace, id);
CREATE INDEX audit_xid ON audit (xid, id);
CREATE INDEX audit_actor ON audit (workspace, actor, id);
CREATE INDEX audit_resource ON audit (workspace, resource COLLATE "C", id);
CREATE INDEX audit_operation ON audit (workspace, operation COLLATE "C", resource COLLATE "C", id);
CREATE INDEX audit_at ON audit (workspace, at, id);
CREATE INDEX audit_kind ON audit (workspace, action_kind, id) WHERE action_kind <> 'Execute';

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('orvanta.audit_retention', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit rows are never changed or deleted';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();

CREATE TABLE audit_link (
    workspace text NOT NULL,
    n         bigint NOT NULL CHECK (n > 0),
    audit     bigint NOT NULL UNIQUE,
    row_hash  bytea NOT NULL,
    hash      bytea NOT NULL,
    PRIMARY KEY (workspace, n)
);
COMMENT ON COLUMN audit_link.workspace IS 'Empty: rows of the instance.';
COMMENT ON COLUMN audit_link.hash IS 'SHA-256 of the hash of the link before, n and row_hash.';

CREATE TRIGGER audit_link_is_append_only BEFORE UPDATE OR DELETE ON audit_link
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();

CREATE TABLE audit_checkpoint (
    workspace text NOT NULL,
    n         bigint NOT NULL CHECK (n > 0),
    hash      bytea NOT NULL,
    at        timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, n)
);
COMMENT ON TABLE audit_checkpoint IS 'Number and hash of the last link that retention deleted. Verification starts after the newest one.';

CREATE TRIGGER audit_checkpoint_is_append_only BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();

-- Settings of the instance that superadmins change while it runs.

CREATE TABLE instance_setting (
    name        text PRIMARY KEY,
    value       text NOT NULL,
    sealed      bytea,
    key_version integer,
    updated_at  timestamptz NOT NULL DEFAULT app_now(),
    updated_by  text NOT NULL,
    CHECK ((sealed IS NULL) = (key_version IS NULL))
);
COMMENT ON TABLE instance_setting IS 'Settings that differ from their defaults.';
COMMENT ON COLUMN instance_setting.value IS 'JSON text, with masks in place of secrets.';
COMMENT ON COLUMN instance_setting.sealed IS 'Secrets by JSON pointer, sealed with a data key of the workspace admins.';

-- What can run: documents by hash, items by path, their versions.

CREATE TABLE document (
    hash       bytea PRIMARY KEY,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    tree       json
);
COMMENT ON TABLE document IS 'Bytes of a workflow or script as they came, by SHA-256.';
COMMENT ON COLUMN document.tree IS 'JSON of a YAML document that was deployed. NULL: another document, or an older one.';

CREATE TABLE item (
    workspace   text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('script', 'flow')),
    path        text NOT NULL,
    version     bigint,
    archived    boolean NOT NULL DEFAULT false,
    deleted     boolean NOT NULL DEFAULT false,
    extra_perms jsonb NOT NULL DEFAULT '{}',
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT app_now(),
    edited_by   text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path)
);
COMMENT ON COLUMN item.deleted IS 'Not shown any more, and archived as well; runs that name a version keep it. A new version brings the path back.';
COMMENT ON COLUMN item.version IS 'The version that runs by path take: the newest locked one; where none is, the newest, whose runs wait for its lock or are told why it failed.';

CREATE TABLE version (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace    text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('script', 'flow')),
    path         text NOT NULL,
    number       integer NOT NULL,
    hash         text NOT NULL,
    content_hash text NOT NULL,
    document     bytea NOT NULL REFERENCES document (hash),
    format       text NOT NULL DEFAULT 'json' CHECK (format IN ('json', 'yaml', 'text')),
    language     text,
    settings     json NOT NULL,
    parent       text,
    author       text NOT NULL,
    message      text,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    lock_state   text NOT NULL DEFAULT 'locked' CHECK (lock_state IN ('locking', 'locked', 'failed')),
    lock         text,
    lock_error   text,
    lock_job     uuid,
    archived     boolean NOT NULL DEFAULT false,
    deleted      boolean NOT NULL DEFAULT false,
    made_schema  json,
    permissioned_as text,
    imports      json,
    defaults     json,
    run_settings json,
    run_document bytea,
    UNIQUE (workspace, kind, path, number),
    FOREIGN KEY (workspace, kind, path) REFERENCES item (workspace, kind, path) ON DELETE CASCADE
);
CREATE INDEX version_hash ON version (workspace, hash);
CREATE INDEX version_locking ON version (lock_job) WHERE lock_state = 'locking';
CREATE INDEX version_on_behalf ON version (workspace) WHERE permissioned_as IS NOT NULL;
COMMENT ON COLUMN version.hash IS 'Script: 16 hex digits of its version hash. Flow: the artifact hash.';
COMMENT ON COLUMN version.document IS 'Script: its content. Flow: the bytes of {value, schema} as they came, or its YAML source.';
COMMENT ON COLUMN version.made_schema IS 'The JSON Schema read from a script''s signature where none was deployed with it: for forms, inputs are not checked against it.';
COMMENT ON COLUMN version.permissioned_as IS 'u/<username> of the member named by on_behalf_of_email, allowed when it was deployed. NULL: its runs act for whoever starts them.';
COMMENT ON COLUMN version.imports IS 'Script: {"": hash of its closure}. Flow: {id of an inline script''s node: hash of its closure}. The hash (hex) names the document that lists the imported scripts; null: there are none.';
COMMENT ON COLUMN version.defaults IS 'Defaults that policies gave to absent fields when it was deployed: [{policy, node, field, value, ...}]. NULL: none.';
COMMENT ON COLUMN version.run_settings IS 'The settings with these defaults, which runs use. NULL: runs use settings.';
COMMENT ON COLUMN version.run_document IS 'The document with these defaults, which runs use (JSON). NULL: runs use document.';
COMMENT ON COLUMN version.settings IS 'What was deployed beside the document (summary, description, schema of a script, tag, timeout ...), as it came.';

CREATE TABLE lock (
    key          bytea NOT NULL,
    language     text NOT NULL,
    requirements text NOT NULL,
    body         text NOT NULL,
    run          uuid,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    workspace    text REFERENCES workspace (id) ON DELETE CASCADE,
    CONSTRAINT lock_key UNIQUE NULLS NOT DISTINCT (key, workspace)
);
CREATE INDEX lock_workspace ON lock (workspace) WHERE workspace IS NOT NULL;
CREATE INDEX lock_body ON lock (md5(body));
COMMENT ON TABLE lock IS 'What (language, content, requirements), by SHA-256, was resolved to. Written once, never changed.';
COMMENT ON COLUMN lock.run IS 'The run whose job made it.';
COMMENT ON COLUMN lock.workspace IS 'The only workspace that uses it, as building a package may have changed it; null: every workspace.';

CREATE TABLE version_use (
    version   bigint NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    node      text NOT NULL,
    workspace text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('script', 'flow')),
    path      text NOT NULL,
    pinned    text,
    PRIMARY KEY (version, node, kind, path)
);
CREATE INDEX version_use_of ON version_use (workspace, kind, path);
COMMENT ON TABLE version_use IS 'What a version refers to: the nodes of a workflow run an item by path, or import a script; a script imports scripts.';
COMMENT ON COLUMN version_use.node IS 'Id of the node; empty for what a script imports.';
COMMENT ON COLUMN version_use.pinned IS 'The hash of the version that the node names or that is imported; null: it takes the newest.';

CREATE TABLE acceptance (
    workspace       text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('script', 'flow')),
    path            text NOT NULL,
    permissioned_as text NOT NULL,
    version         bigint NOT NULL REFERENCES version (id) ON DELETE CASCADE,
    accepted_by     text NOT NULL,
    accepted_at     timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, permissioned_as, version)
);
CREATE INDEX acceptance_version ON acceptance (version);
COMMENT ON TABLE acceptance IS 'Versions that may run for a member who did not start the run. Of several the newest one that is locked runs.';
COMMENT ON COLUMN acceptance.permissioned_as IS 'u/<username>: runs that act for this member; g/all: for any member.';

CREATE FUNCTION accepted_version(of_workspace text, of_kind text, of_path text, acting_as text) RETURNS bigint
    LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(newest.version) FILTER (WHERE newest.locked), max(newest.version))
    FROM unnest(ARRAY['g/all', acting_as]) AS who (name)
    CROSS JOIN LATERAL (
        (SELECT a.version, true AS locked FROM acceptance AS a JOIN version AS v ON v.id = a.version
         WHERE a.workspace = of_workspace AND a.kind = of_kind AND a.path = of_path AND a.permissioned_as = who.name
           AND v.lock_state = 'locked'
         ORDER BY a.version DESC LIMIT 1)
        UNION ALL
        (SELECT a.version, false FROM acceptance AS a
         WHERE a.workspace = of_workspace AND a.kind = of_kind AND a.path = of_path AND a.permissioned_as = who.name
         ORDER BY a.version DESC LIMIT 1)
    ) AS newest
$$;
COMMENT ON FUNCTION accepted_version IS 'The newest locked version of a path that is accepted for a member, else the newest accepted one; null where there is none.';

CREATE TABLE moved_item (
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind      text NOT NULL CHECK (kind IN ('script', 'flow')),
    path      text NOT NULL,
    target    text NOT NULL,
    moved_at  timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, target)
);
CREATE INDEX moved_item_target ON moved_item (workspace, kind, target);
COMMENT ON TABLE moved_item IS 'Former paths of workflows and scripts. Their runs under these paths belong to their history.';
COMMENT ON COLUMN moved_item.target IS 'The present path of what was at this path.';

CREATE TABLE favourite (
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    username  text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('script', 'flow')),
    path      text NOT NULL,
    PRIMARY KEY (workspace, username, kind, path)
);
CREATE INDEX favourite_path ON favourite (workspace, kind, path);
COMMENT ON TABLE favourite IS 'Workflows and scripts that a member marked; of nobody else''s concern.';

CREATE SEQUENCE draft_revision AS bigint;

CREATE TABLE draft (
    workspace    text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('script', 'flow')),
    path         text NOT NULL,
    owner        text NOT NULL,
    base_version bigint,
    revision     bigint NOT NULL DEFAULT nextval('draft_revision'),
    hash         text NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    edited_at    timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, owner)
) WITH (fillfactor = 70);
CREATE INDEX draft_owner ON draft (workspace, owner, edited_at DESC);
COMMENT ON TABLE draft IS 'A person''s draft of a script or workflow, which need not be deployed yet.';
COMMENT ON COLUMN draft.base_version IS 'The version it was begun from; null: none.';
COMMENT ON COLUMN draft.revision IS 'Drawn anew at each save and never used twice: a draft that was discarded and begun again is another.';
COMMENT ON COLUMN draft.hash IS 'SHA-256 of the body, in hex.';
COMMENT ON COLUMN draft.body IS 'JSON text as it came, not checked.';

CREATE TABLE pin_set (
    hash bytea PRIMARY KEY,
    pins json NOT NULL
);
COMMENT ON COLUMN pin_set.pins IS '{"script:<path>": version id, ...}: what a run resolves a path to.';

CREATE TABLE idempotency (
    workspace  text NOT NULL,
    path       text NOT NULL,
    key        text NOT NULL,
    run        uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    caller     text NOT NULL,
    input      bytea,
    PRIMARY KEY (workspace, caller, path, key)
);
COMMENT ON COLUMN idempotency.caller IS 'Whose key it is: an address, with the scopes of a limited token, or the id of an HTTP trigger.';
COMMENT ON COLUMN idempotency.input IS 'Keyed digest (HMAC-SHA-256) of arguments and options. NULL: the key was used before there were such digests, and any input is taken for the same.';

-- What jobs are configured with: variables and resources, whose secrets are sealed.

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

-- What is under way. Narrow rows, no payload, nothing that grows with history.

CREATE SEQUENCE job_seq CACHE 1;

CREATE TABLE run_live (
    id              uuid PRIMARY KEY,
    workspace       text NOT NULL,
    kind            text NOT NULL,
    path            text,
    version         bigint,
    document        bytea,
    language        text,
    pin_set         bytea,
    engine_version  smallint NOT NULL,
    rev             integer NOT NULL DEFAULT 0,
    state           bytea NOT NULL,
    status          text NOT NULL,
    cancel_at       timestamptz,
    cancel_by       text,
    cancel_reason   text,
    priority        smallint NOT NULL DEFAULT 0,
    queue           text,
    parent          uuid,
    root            uuid NOT NULL,
    trigger         text NOT NULL,
    created_by      text NOT NULL,
    email           text NOT NULL,
    permissioned_as text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT app_now(),
    scheduled_at    timestamptz NOT NULL DEFAULT app_now(),
    started_at      timestamptz,
    seed            bigint NOT NULL,
    timeout_s       double precision,
    labels          text[],
    scopes          text[],
    awaited         boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX run_live_workspace ON run_live (workspace, id);
CREATE INDEX run_live_parent ON run_live (parent) WHERE parent IS NOT NULL;
COMMENT ON TABLE run_live IS 'A run that has not ended. It is the root frame: every change of its jobs except claim bumps rev.';
COMMENT ON COLUMN run_live.scopes IS 'The limits of its jobs and expressions: the scopes of the token that started it. NULL: all that permissioned_as may.';
COMMENT ON COLUMN run_live.awaited IS 'A caller waits for its result, which is sent with the notification of its end.';
COMMENT ON COLUMN run_live.started_at IS 'The earliest start of a job that has ended; null until one has.';

CREATE TABLE job_live (
    id           uuid PRIMARY KEY,
    run          uuid NOT NULL,
    workspace    text NOT NULL,
    node         text,
    node_index   integer NOT NULL,
    kind         text NOT NULL,
    language     text,
    path         text,
    queue        text NOT NULL,
    priority     smallint NOT NULL,
    lane         smallint NOT NULL,
    seq          bigint,
    state        text NOT NULL,
    attempt      integer NOT NULL DEFAULT 0,
    losses       smallint NOT NULL DEFAULT 0,
    failures     integer NOT NULL DEFAULT 0,
    worker       uuid,
    generation   integer,
    timeout_s    double precision,
    enqueued_at  timestamptz NOT NULL,
    claimed_at   timestamptz,
    attempts     json NOT NULL DEFAULT '[]',
    openings     integer NOT NULL DEFAULT 0,
    frame        uuid,
    parent       uuid,
    place        integer,
    untaken_at   timestamptz,
    nonce        uuid,
    progress     smallint,
    assigned_seq bigint
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX job_live_claim ON job_live (queue, priority DESC, lane, seq) WHERE state = 'available';
CREATE INDEX job_live_run ON job_live (run);
CREATE INDEX job_live_assigned ON job_live (worker, assigned_seq) WHERE state = 'running' AND assigned_seq IS NOT NULL;
COMMENT ON COLUMN job_live.lane IS '0: a run under way; 1: the first job of a new run.';
COMMENT ON COLUMN job_live.attempt IS 'How often it was started.';
COMMENT ON COLUMN job_live.attempts IS 'The attempts that ended without ending the job: [{attempt, worker, claimed_at, ended_at, reason}].';
COMMENT ON COLUMN job_live.frame IS 'The frame in which its node stands; null: the run.';
COMMENT ON COLUMN job_live.untaken_at IS 'Since when the object storage does not take what the job gave; before claimed_at: of an attempt that is over.';
COMMENT ON COLUMN job_live.nonce IS 'Drawn at random by each claim: the token of the job is signed over it. Null: never claimed.';
COMMENT ON COLUMN job_live.progress IS 'In percent, as reported by the current attempt; null: it has reported none.';
COMMENT ON COLUMN job_live.assigned_seq IS 'Set if the start of its run assigned it to its worker, which finds it by this; null: it was claimed or handed off.';
COMMENT ON COLUMN job_live.openings IS 'How many openings this attempt has: a worker that knows of fewer masks too little.';

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

CREATE TABLE frame (
    id         uuid PRIMARY KEY,
    run        uuid NOT NULL,
    parent     uuid,
    holder     uuid NOT NULL,
    body       smallint NOT NULL,
    place      integer NOT NULL,
    state      bytea NOT NULL,
    begun_at   timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX frame_run ON frame (run);
COMMENT ON TABLE frame IS 'An open body of a loop or branch: as run_live is for the run itself. Its run is locked before it is read.';
COMMENT ON COLUMN frame.parent IS 'The frame in which the holder stands; null: the run.';
COMMENT ON COLUMN frame.holder IS 'The counter of the node whose body it is.';

CREATE TABLE counter (
    id         uuid PRIMARY KEY,
    run        uuid NOT NULL,
    frame      uuid,
    node_index integer NOT NULL,
    attempt    integer NOT NULL,
    state      bytea NOT NULL,
    child      uuid,
    begun_at   timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX counter_run ON counter (run);
CREATE INDEX counter_child ON counter (child) WHERE child IS NOT NULL;
COMMENT ON COLUMN counter.child IS 'The run of a sub-workflow.';
COMMENT ON TABLE counter IS 'A loop, branch or sub-workflow under way: how many of its bodies are open and which is next. Its id is the node''s.';

CREATE TABLE timer (
    run    uuid NOT NULL,
    job    uuid NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('start', 'retry', 'cancel', 'wait', 'deadline', 'timeout')),
    due_at timestamptz NOT NULL,
    PRIMARY KEY (run, job, kind)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX timer_due ON timer (due_at);
COMMENT ON COLUMN timer.job IS 'The run itself, one of its jobs, or the derived id of a node without one.';

CREATE TABLE inbox (
    run        uuid NOT NULL,
    seq        bigint GENERATED ALWAYS AS IDENTITY,
    event      json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (run, seq)
);
CREATE INDEX inbox_created ON inbox (created_at);

CREATE TABLE approval (
    run       uuid NOT NULL,
    job       uuid NOT NULL,
    workspace text NOT NULL,
    node      text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('approval', 'suspend')),
    message   text NOT NULL DEFAULT '',
    groups    text,
    opened_at timestamptz NOT NULL DEFAULT app_now(),
    form      text,
    inputs    text,
    approvers text[],
    PRIMARY KEY (run, job)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX approval_workspace ON approval (workspace, opened_at);
CREATE INDEX approval_job ON approval (job);
COMMENT ON TABLE approval IS 'What a run asks of people now; what it asks is in its plan. The row goes when nobody is asked any more.';
COMMENT ON COLUMN approval.groups IS 'JSON text: user_groups_required as computed.';
COMMENT ON COLUMN approval.form IS 'JSON text: the form with the inputs of its node put in; without inputs it is in the plan.';
COMMENT ON COLUMN approval.approvers IS 'u/…, g/… and role/… of the node; empty: it names nobody; null: opened by an earlier version.';
COMMENT ON COLUMN approval.inputs IS 'JSON text: the inputs of the node for the approvers, without those that are too large; null: it has none.';

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
    account   text,
    traceparent text,
    PRIMARY KEY (job, resume_id)
);
CREATE UNIQUE INDEX decision_voice ON decision (job, account, approved) WHERE account IS NOT NULL AND job <> run;
CREATE INDEX decision_run ON decision (run);
COMMENT ON TABLE decision IS 'What people said, once per resume id, also before they were asked. Kept as long as the run.';
COMMENT ON COLUMN decision.job IS 'The node that asks, or the run: then it counts for the one that asks longest.';
COMMENT ON COLUMN decision.member IS 'Whether the approver is a member who was logged in; else the name is what the link said.';
COMMENT ON COLUMN decision.account IS 'The e-mail address of the member who was signed in; null: a link or a job.';
COMMENT ON COLUMN decision.taken IS 'Whether the run has counted it.';
COMMENT ON COLUMN decision.traceparent IS 'Header of the call, if it is valid and traces are on; used for the link of a span only.';

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

CREATE TABLE gate (
    key       bytea PRIMARY KEY,
    workspace text,
    name      text NOT NULL,
    places    integer NOT NULL CHECK (places > 0),
    window_s  double precision NOT NULL DEFAULT 0,
    in_use    integer NOT NULL DEFAULT 0 CHECK (in_use >= 0),
    given     bigint NOT NULL DEFAULT 0,
    starts    timestamptz[] NOT NULL DEFAULT '{}',
    due_at    timestamptz,
    used_at   timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX gate_due ON gate (due_at) WHERE due_at IS NOT NULL;
COMMENT ON TABLE gate IS 'A limit by the SHA-256 of its key, whose text is name. Its row is the lock of its line: the last that a step takes.';
COMMENT ON COLUMN gate.workspace IS 'Null: the key is one of all workspaces.';
COMMENT ON COLUMN gate.in_use IS 'How many rows of permit it has, those that are lent aside.';
COMMENT ON COLUMN gate.starts IS 'When permits were given, as long as the window counts them.';
COMMENT ON COLUMN gate.due_at IS 'When the window lets the next in line through, where nothing else holds it.';

CREATE TABLE gate_wait (
    job      uuid PRIMARY KEY,
    run      uuid NOT NULL,
    frame    uuid,
    key      bytea NOT NULL,
    priority smallint NOT NULL,
    seq      bigint GENERATED ALWAYS AS IDENTITY,
    since    timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX gate_wait_line ON gate_wait (key, priority DESC, seq);
CREATE INDEX gate_wait_seq ON gate_wait (key, seq);
CREATE INDEX gate_wait_run ON gate_wait (run);
COMMENT ON TABLE gate_wait IS 'A node, or a run as a whole, in line for a permit. There is no job of it that a worker could take.';
COMMENT ON COLUMN gate_wait.job IS 'The id that the node''s job has or will have; the run itself where that waits.';

CREATE TABLE permit (
    job uuid PRIMARY KEY,
    run uuid NOT NULL,
    key bytea NOT NULL,
    at  timestamptz NOT NULL DEFAULT app_now(),
    lender uuid
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX permit_run ON permit (run);
CREATE INDEX permit_key ON permit (key);
CREATE UNIQUE INDEX permit_lender ON permit (lender) WHERE lender IS NOT NULL;
COMMENT ON TABLE permit IS 'Who may run under a limit, until the node has ended or waits for a retry, or the run has ended.';
COMMENT ON COLUMN permit.lender IS 'The run, around this one, that waits while its own permit is lent. Null: the permit is a place of the limit.';

CREATE TABLE cache (
    key        bytea PRIMARY KEY,
    workspace  text NOT NULL,
    run        uuid NOT NULL,
    job        uuid,
    at         timestamptz NOT NULL DEFAULT app_now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX cache_expires ON cache (expires_at);
COMMENT ON TABLE cache IS 'Whose result stands for the same inputs. The value itself is that of the job: where it is gone, so is this.';
COMMENT ON COLUMN cache.key IS 'HMAC of what runs, for whom, and of the arguments.';
COMMENT ON COLUMN cache.job IS 'Whose value is the result; null: null.';

CREATE TABLE debounce (
    key      bytea PRIMARY KEY,
    run      uuid NOT NULL,
    calls    integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT app_now(),
    at       timestamptz NOT NULL DEFAULT app_now()
) WITH (fillfactor = 70);
CREATE INDEX debounce_at ON debounce (at);
COMMENT ON TABLE debounce IS 'The run that stands for the calls of one key, as long as it has not begun.';

CREATE TABLE pause (
    run       uuid NOT NULL,
    job       uuid NOT NULL,
    frame     uuid,
    node      text NOT NULL,
    paused_by text NOT NULL,
    paused_at timestamptz NOT NULL DEFAULT app_now(),
    threw     text,
    PRIMARY KEY (run, job)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX pause_job ON pause (job);
COMMENT ON TABLE pause IS 'A node that is paused before it begins. The row goes when somebody lets it go on, and with its run.';
COMMENT ON COLUMN pause.job IS 'The id that the node''s job has or will have.';
COMMENT ON COLUMN pause.frame IS 'The body of a loop or branch that it stands in; null: the run''s own list.';
COMMENT ON COLUMN pause.paused_by IS 'Who had set the breakpoint.';
COMMENT ON COLUMN pause.threw IS 'What its condition threw, which pauses as well.';

CREATE TABLE step_debounce (
    key      bytea PRIMARY KEY,
    run      uuid NOT NULL,
    frame    uuid,
    job      uuid NOT NULL,
    calls    integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT app_now(),
    due_at   timestamptz NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX step_debounce_due ON step_debounce (due_at);
CREATE INDEX step_debounce_run ON step_debounce (run);
CREATE INDEX step_debounce_job ON step_debounce (job);
COMMENT ON TABLE step_debounce IS 'The node that waits under a key, by its SHA-256. Its row decides, under its lock, who goes on; locked after those of gates.';
COMMENT ON COLUMN step_debounce.job IS 'The id that the node''s job has or will have.';
COMMENT ON COLUMN step_debounce.calls IS 'For how many executions the node stands, its own among them.';
COMMENT ON COLUMN step_debounce.first_at IS 'Since when the first of these has waited.';

CREATE TABLE erasure (
    run        uuid NOT NULL,
    node_index integer NOT NULL,
    due_at     timestamptz NOT NULL,
    erased_at  timestamptz,
    PRIMARY KEY (run, node_index)
);
CREATE INDEX erasure_due ON erasure (due_at) WHERE erased_at IS NULL;
COMMENT ON TABLE erasure IS 'When values, logs and objects of a run that has ended are erased, and when they were.';
COMMENT ON COLUMN erasure.node_index IS 'The number of the node whose jobs it is about; -1: the whole run.';

CREATE TABLE worker (
    id            uuid PRIMARY KEY,
    name          text NOT NULL,
    instance      text NOT NULL,
    ip            text NOT NULL,
    worker_group  text NOT NULL,
    queues        text[],
    slots         integer NOT NULL,
    version       text NOT NULL,
    isolation     text NOT NULL,
    generation    integer NOT NULL DEFAULT 1,
    beat          bigint NOT NULL DEFAULT 0,
    state         text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'lost', 'stopped')),
    jobs_executed bigint NOT NULL DEFAULT 0,
    started_at    timestamptz NOT NULL DEFAULT app_now(),
    beat_at       timestamptz NOT NULL DEFAULT app_now(),
    drained_at    timestamptz,
    lost_at       timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE worker IS 'Leases belong to workers: a job carries (worker, generation). queues null: every queue.';
COMMENT ON COLUMN worker.drained_at IS 'Since when it is to claim nothing; null: it claims.';
COMMENT ON COLUMN worker.lost_at IS 'Time at which it was declared lost; null: it is live, or was stopped on purpose.';

CREATE FUNCTION orvanta_desired_workers(of_queues text[], slots integer) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT greatest(ceil(count(*) FILTER (WHERE queue NOT IN ('native', 'webhook')) / greatest(slots, 1)::numeric),
                    least(count(*), 1))::integer
    FROM job_live
    WHERE state IN ('available', 'running') AND queue NOT LIKE 'worker:%'
      AND (of_queues IS NULL OR queue = ANY (of_queues))
$$;
COMMENT ON FUNCTION orvanta_desired_workers IS 'Workers with this number of slots that the waiting and running jobs of these queues (null: all) need. Autoscalers call it, with no right to any table.';

CREATE FUNCTION orvanta_standbys() RETURNS TABLE (name text, is_synchronous boolean, behind_bytes bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(nullif(application_name, ''), client_addr::text, pid::text),
           sync_state IN ('sync', 'quorum') AND current_setting('synchronous_commit') NOT IN ('off', 'local'),
           pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
                           flush_lsn)::bigint
    FROM pg_stat_replication
    WHERE state IN ('streaming', 'catchup')
    ORDER BY 1, pid
$$;
COMMENT ON FUNCTION orvanta_standbys IS 'Standbys that receive changes, whether commits wait for them, and the bytes that they have not stored.';

CREATE FUNCTION orvanta_oldest_snapshot_s() RETURNS double precision
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
$$;
COMMENT ON FUNCTION orvanta_oldest_snapshot_s IS 'Age in seconds of the oldest transaction of any role that holds back vacuum.';

CREATE TABLE leader (
    name   text PRIMARY KEY,
    holder uuid NOT NULL,
    term   bigint NOT NULL,
    beat   bigint NOT NULL
) WITH (fillfactor = 50);

-- What was. Written once, partitioned by range of id (UUIDv7, so by week), dropped by partition.

CREATE TABLE run (
    id              uuid PRIMARY KEY,
    workspace       text NOT NULL,
    kind            text NOT NULL,
    path            text,
    version         bigint,
    document        bytea,
    language        text,
    pin_set         bytea,
    engine_version  smallint NOT NULL,
    state           bytea NOT NULL,
    status          text NOT NULL,
    recovered       boolean NOT NULL DEFAULT false,
    skipped         boolean NOT NULL DEFAULT false,
    error_name      text,
    result_of       uuid,
    cancel_by       text,
    cancel_reason   text,
    priority        smallint NOT NULL,
    queue           text,
    parent          uuid,
    root            uuid NOT NULL,
    trigger         text NOT NULL,
    created_by      text NOT NULL,
    email           text NOT NULL,
    permissioned_as text NOT NULL,
    created_at      timestamptz NOT NULL,
    scheduled_at    timestamptz NOT NULL,
    started_at      timestamptz,
    ended_at        timestamptz NOT NULL,
    seed            bigint NOT NULL,
    worker          uuid,
    generation      integer,
    attempt         integer NOT NULL DEFAULT 0,
    attempts        json NOT NULL DEFAULT '[]',
    mem_peak_kb     integer,
    log_chars       bigint NOT NULL DEFAULT 0,
    labels          text[]
) PARTITION BY RANGE (id);
CREATE INDEX run_workspace ON run (workspace, id);
CREATE INDEX run_failed ON run (workspace, id) WHERE status = 'failed';
CREATE INDEX run_ended ON run USING brin (ended_at) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON COLUMN run.result_of IS 'Whose value is the result: the node''s that gave it, or the run''s own. Null: null.';
COMMENT ON COLUMN run.attempts IS 'With worker, attempt, mem_peak_kb, log_chars: of a run of one node, which has no row in job.';

CREATE TABLE job (
    id          uuid PRIMARY KEY,
    run         uuid NOT NULL,
    workspace   text NOT NULL,
    node        text NOT NULL,
    node_index  integer NOT NULL,
    kind        text NOT NULL,
    language    text,
    path        text,
    queue       text,
    state       text NOT NULL,
    error_name  text,
    worker      uuid,
    generation  integer,
    attempt     integer NOT NULL DEFAULT 0,
    losses      smallint NOT NULL DEFAULT 0,
    failures    integer NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL,
    started_at  timestamptz,
    ended_at    timestamptz NOT NULL,
    attempts    json NOT NULL DEFAULT '[]',
    mem_peak_kb integer,
    log_chars   bigint NOT NULL DEFAULT 0,
    parent      uuid,
    place       integer,
    result_of   uuid
) PARTITION BY RANGE (id);
CREATE INDEX job_run ON job (run);
CREATE INDEX job_parent ON job (parent, place) WHERE parent IS NOT NULL;
CREATE INDEX job_ended ON job USING brin (ended_at) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON COLUMN job.parent IS 'The frame it ran in; with a place, the opening of the loop or branch of which it is that body. Null: the run.';
COMMENT ON COLUMN job.result_of IS 'Whose value is the result of a frame; null: its own.';
COMMENT ON COLUMN job.queue IS 'Null: a node that needed no job (decided inside the step).';

CREATE TABLE event (
    run  uuid NOT NULL,
    seq  bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    node text,
    at   timestamptz NOT NULL DEFAULT app_now(),
    data json,
    PRIMARY KEY (run, seq)
) PARTITION BY RANGE (run);

CREATE TABLE value (
    id       uuid NOT NULL,
    kind     text NOT NULL,
    name     text NOT NULL DEFAULT '',
    size     bigint NOT NULL,
    encoding smallint NOT NULL DEFAULT 0,
    body     bytea,
    object   text,
    PRIMARY KEY (id, kind, name)
) PARTITION BY RANGE (id);
ALTER TABLE value ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE value IS 'JSON text by the id of its run or job; size is that of the JSON. encoding 1: zlib, 2: frames of zlib. object: key in object storage.';

CREATE TABLE log_chunk (
    job        uuid NOT NULL,
    attempt    integer NOT NULL,
    seq        integer NOT NULL,
    first_char bigint NOT NULL,
    chars      integer NOT NULL,
    body       bytea NOT NULL,
    at         timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (job, attempt, seq)
) PARTITION BY RANGE (job);
ALTER TABLE log_chunk ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE log_chunk IS 'UTF-8 text, zlib. first_char counts characters of the attempt''s log before it.';

CREATE TABLE log_object (
    job         uuid NOT NULL,
    attempt     integer NOT NULL,
    object      text NOT NULL,
    frame_chars integer[] NOT NULL,
    frame_bytes integer[] NOT NULL,
    frame_at    timestamptz[] NOT NULL,
    at          timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (job, attempt),
    CHECK (cardinality(frame_chars) > 0 AND cardinality(frame_chars) = cardinality(frame_bytes)
           AND cardinality(frame_chars) = cardinality(frame_at))
) PARTITION BY RANGE (job);
COMMENT ON TABLE log_object IS 'The whole log of an attempt as one object in storage: frames of UTF-8 text, each zlib, one after another. A frame''s time is that of its last character.';

CREATE VIEW log_piece AS
SELECT c.job, c.attempt, c.first_char, c.chars, c.at, c.body, NULL::text AS object, NULL::bigint AS start, length(c.body) AS bytes
FROM log_chunk c
WHERE NOT EXISTS (SELECT FROM log_object o WHERE o.job = c.job AND o.attempt = c.attempt)
UNION ALL
SELECT o.job, o.attempt, f.first_char, f.chars, f.at, NULL::bytea, o.object, f.start, f.bytes
FROM log_object o
CROSS JOIN LATERAL (
    SELECT sum(u.chars) OVER w - u.chars AS first_char, u.chars, u.at, sum(u.bytes) OVER w - u.bytes AS start, u.bytes
    FROM unnest(o.frame_chars, o.frame_bytes, o.frame_at) WITH ORDINALITY AS u(chars, bytes, at, n)
    WINDOW w AS (ORDER BY u.n)) f;
COMMENT ON VIEW log_piece IS 'Every log in pieces, whichever way it is kept: body, or bytes of object from start on.';

CREATE TABLE stream_chunk (
    job        uuid NOT NULL,
    attempt    integer NOT NULL,
    seq        integer NOT NULL,
    first_char bigint NOT NULL,
    chars      integer NOT NULL,
    body       bytea NOT NULL,
    at         timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (job, attempt, seq)
) PARTITION BY RANGE (job);
ALTER TABLE stream_chunk ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE stream_chunk IS 'Text that an attempt gave away while it ran, in UTF-8, zlib. first_char counts characters of its stream before it.';

CREATE TABLE run_text (
    workspace text NOT NULL,
    run       uuid NOT NULL,
    places    text[] NOT NULL,
    words     tsvector NOT NULL,
    PRIMARY KEY (run)
) PARTITION BY RANGE (run);
CREATE INDEX run_text_words ON run_text USING gin (words) WITH (fastupdate = off);
CREATE INDEX run_text_workspace ON run_text (workspace, run);
COMMENT ON TABLE run_text IS 'The words of a run''s inputs and results, if its workspace has them searched. Made after its end, dropped with its week.';
COMMENT ON COLUMN run_text.places IS 'Where words stand, by their positions from 1: the node (empty: the run), a colon, and args or result.';

CREATE TABLE search_due (
    run       uuid PRIMARY KEY,
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE
);
CREATE INDEX search_due_workspace ON search_due (workspace, run);
COMMENT ON TABLE search_due IS 'Runs that are to be indexed when they have ended.';

CREATE FUNCTION uuid_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;
COMMENT ON FUNCTION uuid_at IS 'The lowest UUID whose first 48 bits are this millisecond.';

CREATE FUNCTION ensure_partitions(around timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    parent text;
    start  timestamptz;
    made   integer := 0;
    child  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('orvanta.partitions'));
    FOR week IN -1..2 LOOP
        start := date_trunc('week', around AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(weeks => week);
        FOREACH parent IN ARRAY ARRAY['run', 'job', 'event', 'value', 'log_chunk', 'log_object', 'stream_chunk', 'run_text'] LOOP
            child := parent || '_' || to_char(start AT TIME ZONE 'UTC', 'IYYY"w"IW');
            IF to_regclass(child) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                               child, parent, uuid_at(start), uuid_at(start + interval '7 days'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION ensure_partitions IS 'Makes the weekly partitions from the week before to two weeks after; safe to call at any time, by anyone.';

-- One shape for whatever answers to an id: a run or a node's job, under way or ended. For reading alone.
-- run_path decides who may see it, path is what it is shown by, own_path (script or workflow) what it runs; a run of one node has its job in the same row.

CREATE VIEW live_run_view AS
SELECT r.id, r.workspace, false AS is_step, false AS ended, r.id AS run, NULL::text AS node, NULL::integer AS node_index, r.kind,
       CASE WHEN r.status = 'queued' AND (SELECT true FROM job_live x WHERE x.run = r.id AND x.attempt > 0 LIMIT 1)
            THEN 'running' ELSE r.status END AS state, r.path AS own_path,
       r.path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms, r.version,
       CASE WHEN v.kind = 'script' THEN v.hash END AS script_hash, r.document, r.kind AS run_kind, r.language,
       coalesce(r.queue, j.queue) AS queue, r.priority, r.parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       r.created_at, r.scheduled_at, coalesce(r.started_at, j.claimed_at) AS started_at, NULL::timestamptz AS ended_at,
       r.cancel_at IS NOT NULL AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       NULL::text AS error_name, NULL::uuid AS result_of, w.name AS worker, coalesce(j.attempt, 0) AS attempt,
       coalesce(j.failures, 0) AS failures, NULL::integer AS mem_peak_kb, 0::bigint AS log_chars, r.labels, r.state AS run_state,
       j.state AS job_state,
       (SELECT t.due_at FROM timer t WHERE t.run = r.id AND t.job = r.id AND t.kind = 'retry') AS retry_at,
       j.queue IS NULL OR EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND x.drained_at IS NULL
                               AND (x.queues IS NULL OR j.queue = ANY (x.queues) OR j.queue = 'worker:' || x.id)) AS served
FROM run_live r
LEFT JOIN job_live j ON j.id = r.id
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE VIEW live_job_view AS
SELECT j.id, r.workspace, true AS is_step, false AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, j.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.claimed_at AS started_at, NULL::timestamptz AS ended_at,
       r.cancel_at IS NOT NULL AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       NULL::text AS error_name, NULL::uuid AS result_of, w.name AS worker, j.attempt,
       j.failures, NULL::integer AS mem_peak_kb, 0::bigint AS log_chars, r.labels, NULL::bytea AS run_state,
       j.state AS job_state,
       (SELECT t.due_at FROM timer t WHERE t.run = j.run AND t.job = j.id AND t.kind = 'retry') AS retry_at,
       EXISTS (SELECT FROM worker x WHERE x.state = 'live' AND x.drained_at IS NULL
                               AND (x.queues IS NULL OR j.queue = ANY (x.queues) OR j.queue = 'worker:' || x.id)) AS served
FROM job_live j
JOIN run_live r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path
WHERE j.id <> j.run;

CREATE VIEW ended_run_view AS
SELECT r.id, r.workspace, false AS is_step, true AS ended, r.id AS run, NULL::text AS node, NULL::integer AS node_index, r.kind,
       r.status AS state, r.path AS own_path, r.path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms, r.version,
       CASE WHEN v.kind = 'script' THEN v.hash END AS script_hash, r.document, r.kind AS run_kind, r.language,
       coalesce(r.queue, r.language, CASE WHEN r.kind = 'identity' THEN 'native' END) AS queue, r.priority, r.parent, r.root, r.trigger,
       r.created_by, r.email, r.permissioned_as, r.created_at, r.scheduled_at, r.started_at, r.ended_at,
       r.status = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, r.recovered, r.skipped,
       r.error_name, r.result_of, w.name AS worker, r.attempt,
       0 AS failures, r.mem_peak_kb, r.log_chars, r.labels, r.state AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM run r
LEFT JOIN worker w ON w.id = r.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

-- Ended jobs of ended runs, and of runs under way: two views, so that what is asked of the run finds the jobs.
CREATE VIEW ended_job_view AS
SELECT j.id, j.workspace, true AS is_step, true AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, r.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.started_at, j.ended_at,
       j.state = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       j.error_name, coalesce(j.result_of, j.id) AS result_of, w.name AS worker, j.attempt,
       j.failures, j.mem_peak_kb, j.log_chars, r.labels, NULL::bytea AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM job j
JOIN run r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE VIEW past_job_view AS
SELECT j.id, j.workspace, true AS is_step, true AS ended, j.run, j.node, j.node_index, j.kind, j.state, j.path AS own_path,
       coalesce(j.path, r.path || '/' || j.node) AS path, r.path AS run_path, coalesce(i.extra_perms, '{}') AS extra_perms,
       NULL::bigint AS version, NULL::text AS script_hash, r.document, r.kind AS run_kind, j.language,
       j.queue, r.priority, j.run AS parent, r.root, r.trigger, r.created_by, r.email, r.permissioned_as,
       j.enqueued_at AS created_at, j.enqueued_at AS scheduled_at, j.started_at, j.ended_at,
       j.state = 'cancelled' AS cancelled, r.cancel_by, r.cancel_reason, false AS recovered, false AS skipped,
       j.error_name, coalesce(j.result_of, j.id) AS result_of, w.name AS worker, j.attempt,
       j.failures, j.mem_peak_kb, j.log_chars, r.labels, NULL::bytea AS run_state,
       NULL::text AS job_state, NULL::timestamptz AS retry_at, true AS served
FROM job j
JOIN run_live r ON r.id = j.run
LEFT JOIN worker w ON w.id = j.worker
LEFT JOIN version v ON v.id = r.version
LEFT JOIN item i ON i.workspace = v.workspace AND i.kind = v.kind AND i.path = v.path;

CREATE INDEX run_parent ON run (parent) WHERE parent IS NOT NULL;

CREATE TABLE schedule (
    id                     uuid PRIMARY KEY,
    workspace              text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    path                   text NOT NULL,
    cron                   text NOT NULL,
    timezone               text NOT NULL,
    enabled                boolean NOT NULL,
    next_at                timestamptz,
    missed                 text NOT NULL DEFAULT 'once' CHECK (missed IN ('skip', 'once', 'all')),
    script_path            text NOT NULL,
    is_flow                boolean NOT NULL,
    args                   json,
    tag                    text,
    retry                  json,
    no_flow_overlap        boolean NOT NULL DEFAULT false,
    paused_until           timestamptz,
    dynamic_skip           text,
    on_failure             text,
    on_failure_times       integer,
    on_failure_exact       boolean,
    on_failure_extra_args  json,
    on_recovery            text,
    on_recovery_times      integer,
    on_recovery_extra_args json,
    on_success             text,
    on_success_extra_args  json,
    ws_error_handler_muted boolean,
    summary                text,
    description            text,
    cron_version           text,
    labels                 text[],
    error                  text,
    permissioned_as        text NOT NULL,
    email                  text NOT NULL,
    extra_perms            jsonb NOT NULL DEFAULT '{}',
    created_by             text NOT NULL,
    created_at             timestamptz NOT NULL DEFAULT app_now(),
    edited_by              text NOT NULL,
    edited_at              timestamptz NOT NULL DEFAULT app_now(),
    scopes                 text[],
    UNIQUE (workspace, path),
    CHECK (enabled OR next_at IS NULL)
) WITH (fillfactor = 70);
CREATE INDEX schedule_next ON schedule (next_at) WHERE enabled;
CREATE INDEX schedule_runs ON schedule (workspace, script_path);
CREATE INDEX schedule_email ON schedule (email);
COMMENT ON COLUMN schedule.next_at IS 'The tick that comes next, made from the one before, never from the clock. Null: disabled, or it never ticks again.';
COMMENT ON COLUMN schedule.scopes IS 'The scopes of the token that wrote it, which limit its runs. NULL: no limits.';
COMMENT ON COLUMN schedule.error IS 'Why the last tick, or a handler, could not start; null where it did.';

CREATE TABLE schedule_tick (
    schedule  uuid NOT NULL,
    tick_at   timestamptz NOT NULL,
    workspace text NOT NULL,
    path      text NOT NULL,
    state     text NOT NULL CHECK (state IN ('asking', 'running', 'ended', 'skipped', 'missed', 'failed')),
    run       uuid,
    asked     uuid,
    outcome   text CHECK (outcome IN ('succeeded', 'failed', 'cancelled')),
    ended_at  timestamptz,
    streak    integer,
    owed      text[] NOT NULL DEFAULT '{}',
    detail    text,
    at        timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (schedule, tick_at),
    CHECK (state NOT IN ('running', 'ended') OR run IS NOT NULL),
    CHECK ((state = 'ended') = (outcome IS NOT NULL AND ended_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX schedule_tick_open ON schedule_tick (schedule, tick_at) WHERE state IN ('asking', 'running');
CREATE INDEX schedule_tick_owed ON schedule_tick (schedule, tick_at) WHERE owed <> '{}';
CREATE INDEX schedule_tick_ended ON schedule_tick (schedule, ended_at) WHERE state = 'ended';
CREATE INDEX schedule_tick_run ON schedule_tick (run) WHERE run IS NOT NULL;
CREATE INDEX schedule_tick_path ON schedule_tick (workspace, path);
COMMENT ON TABLE schedule_tick IS 'What became of a tick: a run, or why there is none. It outlives its schedule, for the runs it started.';
COMMENT ON COLUMN schedule_tick.asked IS 'The run of the script dynamic_skip, whose answer decides.';
COMMENT ON COLUMN schedule_tick.streak IS 'How many runs of the schedule have ended alike since one ended otherwise, this one included.';
COMMENT ON COLUMN schedule_tick.owed IS 'Handlers that are still to be started for its end.';

CREATE TABLE http_trigger (
    id                           uuid PRIMARY KEY,
    workspace                    text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    path                         text NOT NULL,
    route_path                   text NOT NULL,
    route_key                    text NOT NULL,
    route_first                  text NOT NULL,
    http_method                  text NOT NULL CHECK (http_method IN ('get', 'post', 'put', 'delete', 'patch')),
    workspaced_route             boolean NOT NULL,
    script_path                  text NOT NULL,
    is_flow                      boolean NOT NULL,
    mode                         text NOT NULL CHECK (mode IN ('enabled', 'disabled', 'suspended')),
    request_type                 text NOT NULL CHECK (request_type IN ('sync', 'async', 'sync_sse')),
    authentication_method        text NOT NULL CHECK (authentication_method IN ('none', 'orvanta', 'api_key', 'basic_http', 'signature')),
    authentication_resource_path text,
    wrap_body                    boolean NOT NULL,
    raw_string                   boolean NOT NULL,
    summary                      text,
    description                  text,
    labels                       text[],
    permissioned_as              text NOT NULL,
    email                        text NOT NULL,
    extra_perms                  jsonb NOT NULL DEFAULT '{}',
    created_by                   text NOT NULL,
    created_at                   timestamptz NOT NULL DEFAULT app_now(),
    edited_by                    text NOT NULL,
    edited_at                    timestamptz NOT NULL DEFAULT app_now(),
    scopes                       text[],
    disabled_reason              text,
    retry                        text,
    UNIQUE (workspace, path),
    CHECK (authentication_method IN ('none', 'orvanta') OR authentication_resource_path IS NOT NULL)
);
CREATE UNIQUE INDEX http_trigger_route ON http_trigger (http_method, route_key) WHERE NOT workspaced_route;
CREATE UNIQUE INDEX http_trigger_workspaced ON http_trigger (workspace, http_method, route_key) WHERE workspaced_route;
CREATE INDEX http_trigger_first ON http_trigger (http_method, route_first);
CREATE INDEX http_trigger_runs ON http_trigger (workspace, script_path);
CREATE INDEX http_trigger_email ON http_trigger (email);
COMMENT ON COLUMN http_trigger.scopes IS 'The scopes of the token that wrote it, which limit its runs. NULL: no limits.';
COMMENT ON COLUMN http_trigger.disabled_reason IS 'Why the platform disabled it; NULL: it did not.';
COMMENT ON COLUMN http_trigger.retry IS 'JSON text: the retry of the scripts that it starts; null: they are not retried.';
COMMENT ON COLUMN http_trigger.route_key IS 'The route without the names of its parameters: two of the same key are the same route.';
COMMENT ON COLUMN http_trigger.route_first IS 'The first part of the route; empty where that is a parameter.';

CREATE TABLE file (
    workspace   text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    key         text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1024),
    object      text NOT NULL UNIQUE,
    size        bigint NOT NULL CHECK (size >= 0),
    mime_type   text NOT NULL,
    disposition text,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT app_now(),
    edited_by   text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, key)
);
COMMENT ON COLUMN file.object IS 'Key of the object that holds the bytes; another one whenever the file is written anew.';

-- Error handlers of workspaces, and the failed runs for which they are still to be started.

CREATE TABLE error_handler (
    workspace       text PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    path            text NOT NULL,
    is_flow         boolean NOT NULL,
    permissioned_as text NOT NULL,
    email           text NOT NULL,
    edited_by       text NOT NULL,
    edited_at       timestamptz NOT NULL DEFAULT app_now(),
    error           text,
    disabled        boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE error_handler IS 'The script or workflow that runs after each failed run of a workspace.';
COMMENT ON COLUMN error_handler.permissioned_as IS 'The admin who set it, as whom it runs; never the member whose run failed.';
COMMENT ON COLUMN error_handler.error IS 'Reason for which it could not start for the last failed run; null: it started.';
COMMENT ON COLUMN error_handler.disabled IS 'The admin who set it left; it starts nothing until an admin sets it again, or enables it for a new owner.';

CREATE TABLE failed_run (
    run       uuid PRIMARY KEY,
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    tries     smallint NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL DEFAULT app_now()
);
CREATE INDEX failed_run_due ON failed_run (due_at);
CREATE INDEX failed_run_workspace ON failed_run (workspace);
COMMENT ON TABLE failed_run IS 'Failed runs whose error handler is still to be started. A row is deleted in the transaction that starts it.';

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

CREATE TABLE alert_failure (
    channel   text PRIMARY KEY,
    error     text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT app_now()
);
COMMENT ON TABLE alert_failure IS 'Channels whose last message could not be sent. A row is deleted when one is sent.';
COMMENT ON COLUMN alert_failure.channel IS 'Name of a channel in the setting alerts.';
COMMENT ON COLUMN alert_failure.error IS 'Reason in one sentence, without the secrets of the channel.';

CREATE TABLE policy (
    workspace text REFERENCES workspace (id) ON DELETE CASCADE,
    name      text NOT NULL,
    body      jsonb NOT NULL,
    version   integer NOT NULL DEFAULT 1,
    edited_by text NOT NULL,
    edited_at timestamptz NOT NULL DEFAULT app_now(),
    UNIQUE NULLS NOT DISTINCT (workspace, name)
);
COMMENT ON TABLE policy IS 'Standards that workflows and scripts are checked against when they are deployed.';
COMMENT ON COLUMN policy.workspace IS 'Null: the policy applies to all workspaces of the instance.';
COMMENT ON COLUMN policy.version IS 'Number of the change; the audit trail contains the body of each.';

CREATE TABLE environment (
    name      text PRIMARY KEY,
    position  integer NOT NULL,
    workspace text NOT NULL UNIQUE REFERENCES workspace (id) ON DELETE CASCADE,
    color     text NOT NULL,
    rules     jsonb NOT NULL,
    version   integer NOT NULL DEFAULT 1,
    edited_by text NOT NULL,
    edited_at timestamptz NOT NULL DEFAULT app_now(),
    deployment bigint,
    hold_by text,
    hold_since timestamptz,
    hold_reason text,
    hold_request bigint,
    UNIQUE (position) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE environment IS 'Places to which releases are deployed, in the order of the pipeline.';
COMMENT ON COLUMN environment.version IS 'Number of the change; the audit trail contains the rules of each.';

CREATE TABLE automatic_promotion (
    environment     text PRIMARY KEY REFERENCES environment (name) ON DELETE CASCADE,
    permissioned_as text NOT NULL,
    email           text NOT NULL,
    since           timestamptz NOT NULL DEFAULT app_now(),
    retry_at        timestamptz NOT NULL DEFAULT app_now(),
    waits_for       text,
    disabled_reason text
);
COMMENT ON TABLE automatic_promotion IS 'Environments that receive the releases of the previous one after the soak time.';
COMMENT ON COLUMN automatic_promotion.permissioned_as IS 'Member u/<username> who set it up, with whose rights it is done.';
COMMENT ON COLUMN automatic_promotion.waits_for IS 'What prevented the last attempt; null: nothing.';
COMMENT ON COLUMN automatic_promotion.disabled_reason IS 'Reason for which it ended by itself; null: it is active.';

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

-- Workspaces bound to a branch of a Git repository.

CREATE TABLE git_binding (
    workspace   text PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    url         text NOT NULL,
    branch      text NOT NULL,
    folder      text NOT NULL,
    username    text,
    sealed      bytea,
    key_version integer,
    edited_by   text NOT NULL,
    edited_at   timestamptz NOT NULL DEFAULT app_now(),
    head        text,
    pushing     bytea,
    position    xid8 NOT NULL DEFAULT pg_snapshot_xmin(pg_current_snapshot()),
    round       bigint NOT NULL DEFAULT 0,
    fetch_at    timestamptz NOT NULL DEFAULT app_now(),
    fetched_at  timestamptz,
    tries       integer NOT NULL DEFAULT 0,
    retry_at    timestamptz NOT NULL DEFAULT app_now(),
    error_code  text,
    error       text,
    findings    jsonb NOT NULL DEFAULT '[]',
    CHECK ((sealed IS NULL) = (key_version IS NULL))
);
COMMENT ON TABLE git_binding IS 'Branch of a repository with which the items of a workspace are synchronised.';
COMMENT ON COLUMN git_binding.folder IS 'Folder of the repository with the tree; empty: the root.';
COMMENT ON COLUMN git_binding.sealed IS 'Token of the server, sealed with the data key of the workspace.';
COMMENT ON COLUMN git_binding.head IS 'Commit of the branch that was read or pushed last.';
COMMENT ON COLUMN git_binding.pushing IS 'Commits that may have been pushed, with their effect: stored before the push, and confirmed or dropped after the next fetch.';
COMMENT ON COLUMN git_binding.position IS 'Transactions of the audit trail before this one have their commits.';
COMMENT ON COLUMN git_binding.round IS 'Number of the round. A round stores its outcome only if no other one began meanwhile.';
COMMENT ON COLUMN git_binding.findings IS 'Files of the branch that are ignored, with reasons.';

CREATE TABLE git_item (
    workspace   text NOT NULL REFERENCES git_binding (workspace) ON DELETE CASCADE,
    kind        text NOT NULL,
    path        text NOT NULL,
    digest      text,
    files       bytea,
    incoming    bytea,
    is_incoming boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace, kind, path)
);
COMMENT ON TABLE git_item IS 'Items as they were in the workspace and the repository when both were equal last.';
COMMENT ON COLUMN git_item.digest IS 'Digest of the files of the item in the workspace; null: it did not exist; empty: it is to be committed.';
COMMENT ON COLUMN git_item.files IS 'Files of the item in the repository, compressed; null: it did not exist.';
COMMENT ON COLUMN git_item.incoming IS 'Files of the item in the repository now, if is_incoming; null: it was removed there.';

CREATE TABLE git_commit (
    workspace   text NOT NULL REFERENCES git_binding (workspace) ON DELETE CASCADE,
    id          text NOT NULL,
    n           bigint GENERATED ALWAYS AS IDENTITY,
    direction   text NOT NULL CHECK (direction IN ('in', 'out')),
    author      text NOT NULL,
    email       text NOT NULL,
    message     text NOT NULL,
    at          timestamptz NOT NULL,
    items       jsonb,
    PRIMARY KEY (workspace, id)
);
CREATE INDEX git_commit_order ON git_commit (workspace, n);
COMMENT ON TABLE git_commit IS 'Commits of the branch: read from the repository (in), or made from deployments (out).';
COMMENT ON COLUMN git_commit.items IS 'Kinds and paths of the items that the message may name; null: they are not known.';

COMMENT ON COLUMN environment.deployment IS 'Id of the last deployment.';
COMMENT ON COLUMN environment.hold_request IS 'Open request for a rollback that set the hold; null: it remains until it is lifted.';
COMMENT ON COLUMN environment.hold_by IS 'Member whose rollback prevents promotions until the hold is lifted; null: none.';

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
    authors    text[] NOT NULL DEFAULT '{}',
    UNIQUE (workspace, number)
);
COMMENT ON TABLE release IS 'Immutable bundles of items of a workspace.';
COMMENT ON COLUMN release.authors IS 'Accounts that answer for its creation: that of its creator, and admins behind a service account.';
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
    closed_at    timestamptz,
    authors      text[] NOT NULL DEFAULT '{}',
    reason       text,
    closed_plan  jsonb
);
CREATE INDEX deployment_request_environment ON deployment_request (environment, id);
CREATE INDEX deployment_request_release ON deployment_request (release);
COMMENT ON COLUMN deployment_request.authors IS 'Accounts that answer for it: that of its author, and admins behind a service account.';
COMMENT ON COLUMN deployment_request.kind IS 'promotion or rollback.';
COMMENT ON COLUMN deployment_request.state IS 'open, applied, rejected or withdrawn.';
COMMENT ON COLUMN deployment_request.overwrite IS 'Items that were changed in the environment are replaced.';
COMMENT ON COLUMN deployment_request.plan_hash IS 'Hash of the plan that approvals are bound to.';
COMMENT ON COLUMN deployment_request.reason IS 'Reason of a rollback.';
COMMENT ON COLUMN deployment_request.closed_plan IS 'Items of the plan with which the request was closed; null: it is open, or they were not stored.';

CREATE TABLE deployment_decision (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request    bigint NOT NULL REFERENCES deployment_request (id) ON DELETE CASCADE,
    decision   text NOT NULL,
    plan_hash  text NOT NULL,
    username   text NOT NULL,
    email      text NOT NULL,
    comment    text,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    item_kind  text,
    item_path  text,
    CONSTRAINT deployment_decision_item CHECK ((item_kind IS NULL) = (item_path IS NULL))
);
CREATE INDEX deployment_decision_request ON deployment_decision (request);
COMMENT ON COLUMN deployment_decision.decision IS 'approved, rejected or comment.';
COMMENT ON COLUMN deployment_decision.item_kind IS 'Kind of the item that a comment is about; null: it is about the request.';

CREATE TABLE deployment_assignee (
    request  bigint NOT NULL REFERENCES deployment_request (id) ON DELETE CASCADE,
    email    text NOT NULL,
    username text NOT NULL,
    assigned boolean NOT NULL DEFAULT true,
    PRIMARY KEY (request, email)
);
COMMENT ON TABLE deployment_assignee IS 'Members who are asked to approve a request to deploy.';
COMMENT ON COLUMN deployment_assignee.assigned IS 'False: no longer. The row remains, so that nobody gets two mails about a request.';

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
    applied_at    timestamptz NOT NULL DEFAULT app_now(),
    restored      jsonb NOT NULL DEFAULT '{}',
    bypassed      text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX deployment_environment ON deployment (environment, id);
CREATE INDEX deployment_request_id ON deployment (request);
CREATE INDEX deployment_release ON deployment (release);
COMMENT ON TABLE deployment IS 'Releases that were applied to environments.';
COMMENT ON COLUMN deployment.source IS 'Workspace of the release, which may have been deleted.';
COMMENT ON COLUMN deployment.restored IS 'Ids of the releases of the items that a rollback restored: {"<kind>/<path>": id}.';
COMMENT ON COLUMN deployment.bypassed IS 'Codes of the rules that were not fulfilled.';

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

-- Figures per minute and hour for the operations page.

CREATE TABLE operations_rollup (
    workspace      text REFERENCES workspace (id) ON DELETE CASCADE,
    width_s        integer NOT NULL CHECK (width_s IN (60, 3600)),
    at             timestamptz NOT NULL,
    succeeded      integer NOT NULL,
    failed         integer NOT NULL,
    cancelled      integer NOT NULL,
    waits          integer[],
    waiting        integer,
    running        integer,
    oldest_s       double precision,
    slots          integer,
    database_bytes bigint,
    oldest_xmin_s  double precision,
    UNIQUE NULLS NOT DISTINCT (workspace, width_s, at)
);
CREATE INDEX operations_rollup_at ON operations_rollup (width_s, at);
COMMENT ON TABLE operations_rollup IS 'Figures of one minute or hour, for charts. Minutes without any figure have no row.';
COMMENT ON COLUMN operations_rollup.workspace IS 'Null: the whole installation.';
COMMENT ON COLUMN operations_rollup.waits IS 'Jobs that ended, by the bucket of the time between their enqueuing and their first claim.';
COMMENT ON COLUMN operations_rollup.waiting IS 'Jobs that could start at the end of the minute; of an hour the maximum. Null: not recorded.';
COMMENT ON COLUMN operations_rollup.slots IS 'Slots of the live workers, of the installation only.';

-- Usage of workspaces per hour and day, by workspace, item and member.

CREATE TABLE usage_rollup (
    workspace  text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    width_s    integer NOT NULL CHECK (width_s IN (3600, 86400)),
    dimension  text NOT NULL CHECK (dimension IN ('workspace', 'item', 'member')),
    at         timestamptz NOT NULL,
    name       text NOT NULL,
    runs       bigint NOT NULL,
    failed     bigint NOT NULL,
    job_s      double precision NOT NULL,
    file_bytes bigint,
    PRIMARY KEY (workspace, width_s, dimension, at, name)
);
CREATE INDEX usage_rollup_at ON usage_rollup (width_s, dimension, at);
COMMENT ON TABLE usage_rollup IS 'Usage in an hour or a day (UTC). The usage of a day is the sum of its hours that have ended.';
COMMENT ON COLUMN usage_rollup.name IS 'Item: <kind>/<path> of the script or workflow, empty for other runs. Member: u/<username>. Workspace: empty.';
COMMENT ON COLUMN usage_rollup.runs IS 'Runs that ended, without sub-workflows.';
COMMENT ON COLUMN usage_rollup.job_s IS 'Run time of the last attempts of the jobs that ended, in seconds; those of sub-workflows count for these.';
COMMENT ON COLUMN usage_rollup.file_bytes IS 'Size of the files of the workspace at the end; null: the row is not that of a workspace.';

CREATE TABLE usage_ranking (
    workspace text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    days      integer NOT NULL,
    dimension text NOT NULL CHECK (dimension IN ('item', 'member')),
    name      text NOT NULL,
    runs      bigint NOT NULL,
    failed    bigint NOT NULL,
    job_s     double precision NOT NULL,
    PRIMARY KEY (workspace, days, dimension, name)
);
COMMENT ON TABLE usage_ranking IS 'The items and members of a workspace with the longest run time in the last days (UTC), summed up once an hour from usage_rollup.';

CREATE TABLE saved_input (
    id         uuid PRIMARY KEY,
    workspace  text NOT NULL,
    kind       text NOT NULL,
    path       text NOT NULL,
    name       text NOT NULL,
    args       bytea NOT NULL,
    is_public  boolean NOT NULL DEFAULT false,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT app_now(),
    FOREIGN KEY (workspace, kind, path) REFERENCES item (workspace, kind, path) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX saved_input_item ON saved_input (workspace, kind, path, created_at DESC);
COMMENT ON TABLE saved_input IS 'Inputs of scripts and workflows that a member has saved under a name.';
COMMENT ON COLUMN saved_input.args IS 'JSON text of an object. It never contains a password that the schema declares.';
COMMENT ON COLUMN saved_input.is_public IS 'True: everybody who may read the item may use it.';

CREATE TABLE capture_config (
    workspace    text NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('script', 'flow')),
    path         text NOT NULL,
    trigger_kind text NOT NULL CHECK (trigger_kind IN ('webhook', 'http')),
    settings     bytea,
    pinged_at    timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, kind, path, trigger_kind)
);
COMMENT ON TABLE capture_config IS 'Paths whose requests are captured for a minute after the last ping.';
COMMENT ON COLUMN capture_config.settings IS 'JSON text of the settings of the trigger that is tested.';

CREATE TABLE capture (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace    text NOT NULL,
    kind         text NOT NULL,
    path         text NOT NULL,
    trigger_kind text NOT NULL,
    args         bytea NOT NULL,
    headers      bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    FOREIGN KEY (workspace, kind, path, trigger_kind)
        REFERENCES capture_config (workspace, kind, path, trigger_kind) ON DELETE CASCADE
);
CREATE INDEX capture_path ON capture (workspace, kind, path, trigger_kind, id);
COMMENT ON TABLE capture IS 'Captured requests: the newest of each config, deleted with it.';
COMMENT ON COLUMN capture.args IS 'Arguments that a run would have, as JSON text.';
COMMENT ON COLUMN capture.headers IS 'Headers as JSON text of an object, with *** for credentials.';

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

CREATE TABLE export_key (
    workspace   text PRIMARY KEY REFERENCES workspace (id) ON DELETE CASCADE,
    sealed      bytea NOT NULL,
    key_version integer NOT NULL
);
COMMENT ON TABLE export_key IS 'Keys of workspaces for the secrets in archives.';
COMMENT ON COLUMN export_key.sealed IS 'Key, sealed with the data key of the workspace.';
