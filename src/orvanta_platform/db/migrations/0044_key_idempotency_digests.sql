-- Digests of inputs become keyed. Those of keys in use cannot be computed again, so that any input is taken for the same.

UPDATE idempotency SET input = NULL;
COMMENT ON COLUMN idempotency.input IS 'Keyed digest (HMAC-SHA-256) of arguments and options. NULL: the key was used before there were such digests, and any input is taken for the same.';
