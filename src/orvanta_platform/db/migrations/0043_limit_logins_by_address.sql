-- breaking
-- Failed logins are counted by account and address together, and delay the next attempt instead of closing the account.

DROP TABLE login_failure;
CREATE TABLE login_failure (
    key        text PRIMARY KEY,
    count      integer NOT NULL,
    last_at    timestamptz NOT NULL DEFAULT app_now(),
    known      boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE login_failure IS 'Failed logins of an account, of an address, and of the two together.';
COMMENT ON COLUMN login_failure.last_at IS 'Time of the last attempt that counted.';
COMMENT ON COLUMN login_failure.known IS 'Of an account and an address together: somebody has logged in so.';
