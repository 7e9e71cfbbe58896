-- The scripts that a version imports, pinned when it is deployed, and who imports a script.

ALTER TABLE version ADD COLUMN imports json;
COMMENT ON COLUMN version.imports IS 'Script: {"": hash of its closure}. Flow: {id of an inline script''s node: hash of its closure}. The hash (hex) names the document that lists the imported scripts; null: there are none.';

ALTER TABLE version_use DROP CONSTRAINT version_use_pkey;
ALTER TABLE version_use ADD PRIMARY KEY (version, node, kind, path);
COMMENT ON TABLE version_use IS 'What a version refers to: the nodes of a workflow run an item by path, or import a script; a script imports scripts.';
COMMENT ON COLUMN version_use.node IS 'Id of the node; empty for what a script imports.';
COMMENT ON COLUMN version_use.pinned IS 'The hash of the version that the node names or that is imported; null: it takes the newest.';
