-- Checkpoints of the audit chain: the last link before those that retention has deleted.

CREATE TABLE audit_checkpoint (
    workspace text NOT NULL,
    n         bigint NOT NULL CHECK (n > 0),
    hash      bytea NOT NULL,
    at        timestamptz NOT NULL DEFAULT app_now(),
    PRIMARY KEY (workspace, n)
);
COMMENT ON TABLE audit_checkpoint IS 'Number and hash of the last link that retention deleted. Verification starts after the newest one.';

CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('orvanta.audit_retention', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit rows are never changed or deleted';
END
$$;

CREATE TRIGGER audit_checkpoint_is_append_only BEFORE UPDATE OR DELETE ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
