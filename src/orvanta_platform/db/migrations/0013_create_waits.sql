-- What a run waits for without a job: times of its nodes.

ALTER TABLE timer DROP CONSTRAINT timer_kind_check;
ALTER TABLE timer ADD CONSTRAINT timer_kind_check CHECK (kind IN ('start', 'retry', 'cancel', 'wait', 'deadline'));
COMMENT ON COLUMN timer.job IS 'The run itself, one of its jobs, or the derived id of a node without one.';
