-- Environments to which releases are promoted automatically, and the members who set that up.

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
