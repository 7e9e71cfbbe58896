-- Runs whose callers wait for the result, which is then sent with the notification of their end.

ALTER TABLE run_live ADD COLUMN awaited boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN run_live.awaited IS 'A caller waits for its result, which is sent with the notification of its end.';
