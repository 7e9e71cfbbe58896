-- breaking
-- Failed logins are counted by account and address together, and delay the next attempt instead of closing the account.

TRUNCATE login_failure;
ALTER TABLE login_failure RENAME COLUMN since TO last_at;
ALTER TABLE login_failure ALTER COLUMN last_at SET DEFAULT app_now();
ALTER TABLE login_failure ADD COLUMN known boolean NOT NULL DEFAULT false;
COMMENT ON TABLE login_failure IS 'Failed logins of an account, of an address, and of the two together.';
COMMENT ON COLUMN login_failure.last_at IS 'Time of the last attempt that counted.';
COMMENT ON COLUMN login_failure.known IS 'Of an account and an address together: somebody has logged in so.';
