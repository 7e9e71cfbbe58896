-- Searches of the audit trail, and approvers in the rows of open approvals: the queries of both decide what is seen.

CREATE INDEX audit_actor ON audit (workspace, actor, id);
CREATE INDEX audit_resource ON audit (workspace, resource, id);
CREATE INDEX audit_operation ON audit (workspace, operation COLLATE "C", id);

ALTER TABLE approval ADD COLUMN approvers text[];
COMMENT ON COLUMN approval.approvers IS 'u/…, g/… and role/… of the node; empty: it names nobody; null: opened by an earlier version.';
