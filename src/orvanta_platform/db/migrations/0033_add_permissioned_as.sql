-- For whom the runs of a version act, where it is not whoever starts them.

ALTER TABLE version ADD COLUMN permissioned_as text;
COMMENT ON COLUMN version.permissioned_as IS 'u/<username> of the member named by on_behalf_of_email, allowed when it was deployed. NULL: its runs act for whoever starts them.';
