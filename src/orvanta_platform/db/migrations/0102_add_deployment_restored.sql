-- Releases from which rollbacks restored items, so that later rollbacks to them restore the same content.

ALTER TABLE deployment ADD COLUMN restored jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN deployment.restored IS 'Ids of the releases of the items that a rollback restored: {"<kind>/<path>": id}.';
