-- Searches for the beginning of a resource, such as a folder: its characters are compared by their codes.

DROP INDEX audit_resource;
CREATE INDEX audit_resource ON audit (workspace, resource COLLATE "C", id);
