-- Provisioning by SCIM, impersonation, and the maximum age of tokens of a workspace.

CREATE TABLE scim_token (
    hash         bytea PRIMARY KEY,
    prefix       text NOT NULL,
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT app_now(),
    last_used_at timestamptz
);
COMMENT ON TABLE scim_token IS 'Tokens of identity providers that manage accounts by SCIM; they belong to no account.';
COMMENT ON COLUMN scim_token.hash IS 'SHA-256 of the token; the token itself is shown once and stored nowhere.';

ALTER TABLE account
    ADD COLUMN scim_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN scim_external_id text;
COMMENT ON COLUMN account.scim_id IS 'Identifier of the account in SCIM.';
COMMENT ON COLUMN account.scim_external_id IS 'Identifier of the account at the identity provider.';

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

ALTER TABLE token ADD COLUMN impersonator text REFERENCES account (email) ON DELETE CASCADE;
COMMENT ON COLUMN token.impersonator IS 'Account of the admin who acts as the owner of this session; null: the owner itself.';
CREATE INDEX token_impersonator ON token (impersonator) WHERE impersonator IS NOT NULL;

ALTER TABLE workspace ADD COLUMN token_max_age_days integer CHECK (token_max_age_days BETWEEN 1 AND 3650);
COMMENT ON COLUMN workspace.token_max_age_days IS 'Maximum lifetime of new tokens of the workspace; null: that of the instance.';
