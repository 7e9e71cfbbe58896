-- A SCIM client links an identity to an account at most once, and enables only accounts that it has disabled: what a
-- superadmin unlinks or disables remains so.

ALTER TABLE account ADD COLUMN identity_linked boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN account.identity_linked IS 'An identity is or was linked to it, so that none is linked by its external identifier.';
UPDATE account AS a SET identity_linked = true WHERE EXISTS (SELECT FROM identity AS i WHERE i.email = a.email);

ALTER TABLE account ADD COLUMN disabled_by_scim boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN account.disabled_by_scim IS 'A SCIM client disabled it, and may enable it.';
-- It is unknown who disabled the present ones; those without an external identifier are unknown to SCIM clients.
UPDATE account SET disabled_by_scim = true WHERE disabled AND deleted_at IS NULL AND scim_external_id IS NOT NULL;
