-- A worker may be told to take no more jobs.

ALTER TABLE worker ADD COLUMN drained_at timestamptz;
COMMENT ON COLUMN worker.drained_at IS 'Since when it is to claim nothing; null: it claims.';
