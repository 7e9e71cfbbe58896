-- Searches of the audit trail by time, and by kinds of changes, which are rare among runs.

CREATE INDEX audit_at ON audit (workspace, at, id);
CREATE INDEX audit_kind ON audit (workspace, action_kind, id) WHERE action_kind <> 'Execute';
