-- Hash chain of the audit trail: each row is linked to the one before it, in one chain for each workspace.

ALTER TABLE audit ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
COMMENT ON COLUMN audit.xid IS 'Transaction that wrote the row. Rows are linked once no older transaction is running.';
CREATE INDEX audit_xid ON audit (xid, id);

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
