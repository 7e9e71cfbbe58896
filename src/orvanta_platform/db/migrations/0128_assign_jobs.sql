-- Servers assign first jobs of new runs to workers that lend slots to them.

ALTER TABLE job_live ADD COLUMN assigned_seq bigint;
COMMENT ON COLUMN job_live.assigned_seq IS 'Set if the start of its run assigned it to its worker, which finds it by this; null: it was claimed or handed off.';
CREATE INDEX job_live_assigned ON job_live (worker, assigned_seq) WHERE state = 'running' AND assigned_seq IS NOT NULL;
