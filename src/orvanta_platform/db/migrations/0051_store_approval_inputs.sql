-- The inputs of an approval node, computed when it opens, for the people who decide.

ALTER TABLE approval ADD COLUMN inputs text;
COMMENT ON COLUMN approval.inputs IS 'JSON text: the inputs of the node for the approvers, without those that are too large; null: it has none.';
