-- The parsed form of YAML documents: lists that read many workflows would otherwise parse each of them, which takes
-- milliseconds. Documents that were stored before have none, and are parsed when they are read.

ALTER TABLE document ADD COLUMN tree json;
COMMENT ON COLUMN document.tree IS 'JSON of a YAML document that was deployed. NULL: another document, or an older one.';
