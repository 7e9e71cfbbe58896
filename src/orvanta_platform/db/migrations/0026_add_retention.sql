-- How long a workspace's history is kept, and since when it is whole.

ALTER TABLE workspace ADD COLUMN retention_days integer CHECK (retention_days > 0);
ALTER TABLE workspace ADD COLUMN history_from timestamptz NOT NULL DEFAULT 'epoch';
COMMENT ON COLUMN workspace.retention_days IS 'Days after which its runs go; null: as long as the installation keeps them.';
COMMENT ON COLUMN workspace.history_from IS 'Runs begun before may be gone.';
