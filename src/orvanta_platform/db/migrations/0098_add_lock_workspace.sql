-- Locks that were made while packages may be built are valid in one workspace: a build runs code of a package, which can
-- change the result.

ALTER TABLE lock DROP CONSTRAINT lock_pkey;
ALTER TABLE lock ADD COLUMN workspace text REFERENCES workspace (id) ON DELETE CASCADE;
ALTER TABLE lock ADD CONSTRAINT lock_key UNIQUE NULLS NOT DISTINCT (key, workspace);
CREATE INDEX lock_workspace ON lock (workspace) WHERE workspace IS NOT NULL;
COMMENT ON COLUMN lock.workspace IS 'The only workspace that uses it, as building a package may have changed it; null: every workspace.';
