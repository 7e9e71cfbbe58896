-- Failed logins are kept by a hash of the account that was typed, which may be long and may be a password.

UPDATE login_failure
SET key = 'account:' || encode(sha256(convert_to(substr(key, 9), 'UTF8')), 'hex')
WHERE key LIKE 'account:%';

UPDATE login_failure
SET key = split_part(key, ' ', 1) || ' ' || encode(sha256(convert_to(substr(key, strpos(key, ' ') + 1), 'UTF8')), 'hex')
WHERE key LIKE 'pair:%';

COMMENT ON TABLE login_failure IS 'Failed logins of an account, of an address, and of the two together; failed HTTP Basic calls of a route by an address.';
COMMENT ON COLUMN login_failure.key IS 'account:<hash>, address:<network>, pair:<network> <hash> or route:<network> <trigger>; <hash> is SHA-256 of the account in lower case.';
