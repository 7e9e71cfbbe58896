-- The table also counts codes of two-step logins and invitations.

COMMENT ON TABLE login_failure IS 'Attempts that are limited: failed logins of an account, of an address, and of the two together; codes of two-step logins; failed HTTP Basic calls of a route by an address; invitations.';
COMMENT ON COLUMN login_failure.key IS 'account:<hash>, address:<network>, pair:<network> <hash>, code:<hash>, route:<network> <trigger>, inviter:<hash> or invited:<hash>; <hash> is SHA-256 of the account or address in lower case.';
