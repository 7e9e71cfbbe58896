-- The progress that a running job reports.

ALTER TABLE job_live ADD COLUMN progress smallint;
COMMENT ON COLUMN job_live.progress IS 'In percent, as reported by the current attempt; null: it has reported none.';
