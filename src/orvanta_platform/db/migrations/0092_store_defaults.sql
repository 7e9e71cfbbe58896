-- Defaults of policies, which are stored beside the versions that were deployed without the fields.

ALTER TABLE version
    ADD COLUMN defaults json,
    ADD COLUMN run_settings json,
    ADD COLUMN run_document bytea;
COMMENT ON COLUMN version.defaults IS 'Defaults that policies gave to absent fields when it was deployed: [{policy, node, field, value, ...}]. NULL: none.';
COMMENT ON COLUMN version.run_settings IS 'The settings with these defaults, which runs use. NULL: runs use settings.';
COMMENT ON COLUMN version.run_document IS 'The document with these defaults, which runs use (JSON). NULL: runs use document.';
