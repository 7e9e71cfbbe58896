-- Failed logins are kept by a hash of the account that was typed, which may be long and may be a password.

UPDATE login_failure
SET key = 'account:' || encode(sha256(convert_to(substr(key, 9), 'UTF8')), 'hex')
WHERE key LIKE 'account:%';

UPDATE login_failure
SET key = split_part(key, ' ', 1) || ' ' || encode(sha256(convert_to(substr(key, strpos(key, ' ') + 1), 'UTF8')), 'hex')
WHERE key LIKE 'pair:%';

COMMENT ON COLUMN login_failure.key IS 'account:<hash>, address:<network> or pair:<network> <hash>; the hash is SHA-256 of the account in lower case.';
