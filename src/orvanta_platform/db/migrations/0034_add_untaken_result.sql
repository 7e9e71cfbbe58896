-- A job whose result the object storage does not take says so while it is uploaded again and again.

ALTER TABLE job_live ADD COLUMN untaken_at timestamptz;
COMMENT ON COLUMN job_live.untaken_at IS 'Since when the object storage does not take what the job gave; before claimed_at: of an attempt that is over.';
