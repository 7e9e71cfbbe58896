-- What failed is asked for most, and is little of what there is.

CREATE INDEX run_failed ON run (workspace, id) WHERE status = 'failed';
