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
    created_at    timestamptz NOT NULL DEFAULT app_now()
);

CREATE TABLE workspace (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    owner       text NOT NULL,
    color       text,
    archived_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT app_now()
);

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
    last_used_at timestamptz NOT NULL DEFAULT app_now()
);
COMMENT ON COLUMN token.hash IS 'SHA-256 of the token; the token itself is shown once and stored nowhere.';
CREATE INDEX token_email ON token (email, created_at);

CREATE TABLE login_failure (
    key        text PRIMARY KEY,
    count      integer NOT NULL,
    since      timestamptz NOT NULL
);
COMMENT ON TABLE login_failure IS 'Failed logins of one account or address inside the present window.';

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
    request_id   text
);
CREATE INDEX audit_workspace ON audit (workspace, id);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or deleted';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
