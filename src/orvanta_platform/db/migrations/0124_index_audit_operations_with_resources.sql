-- Searches of the audit trail for operations on the items of a folder, also where they exclude each other.

DROP INDEX audit_operation;
CREATE INDEX audit_operation ON audit (workspace, operation COLLATE "C", resource COLLATE "C", id);
