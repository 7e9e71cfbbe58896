-- Alerts need the workers that were lost recently, whose jobs have been requeued since.

ALTER TABLE worker ADD COLUMN lost_at timestamptz;
COMMENT ON COLUMN worker.lost_at IS 'Time at which it was declared lost; null: it is live, or was stopped on purpose.';
