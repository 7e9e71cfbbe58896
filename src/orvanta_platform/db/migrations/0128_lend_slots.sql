-- Workers lend free slots to servers, which assign first jobs of new runs to them.

ALTER TABLE worker ADD COLUMN lends boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN worker.lends IS 'True while servers may insert first jobs of new runs as running under this worker, which looks for them.';
CREATE INDEX job_live_worker ON job_live (worker) WHERE state = 'running';
