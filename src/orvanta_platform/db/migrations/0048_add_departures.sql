-- Invitations to workspaces, and what acts for an account: to be found and stopped when the account leaves.

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

CREATE INDEX schedule_email ON schedule (email);
CREATE INDEX http_trigger_email ON http_trigger (email);
CREATE INDEX version_on_behalf ON version (workspace) WHERE permissioned_as IS NOT NULL;

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
