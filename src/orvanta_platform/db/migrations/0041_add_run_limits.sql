-- breaking: older code starts runs without limits and knows no callers of idempotency keys.
-- Limits of runs, callers of idempotency keys, and instance-wide routes of superadmins alone.

ALTER TABLE run_live ADD COLUMN scopes text[];
COMMENT ON COLUMN run_live.scopes IS 'The limits of its jobs and expressions: the scopes of the token that started it. NULL: all that permissioned_as may.';

ALTER TABLE schedule ADD COLUMN scopes text[];
COMMENT ON COLUMN schedule.scopes IS 'The scopes of the token that wrote it, which limit its runs. NULL: no limits.';

ALTER TABLE http_trigger ADD COLUMN scopes text[], ADD COLUMN disabled_reason text;
COMMENT ON COLUMN http_trigger.scopes IS 'The scopes of the token that wrote it, which limit its runs. NULL: no limits.';
COMMENT ON COLUMN http_trigger.disabled_reason IS 'Why the platform disabled it; NULL: it did not.';

-- Webhook tokens made so far start runs that may read what their owner may: they keep that by name.
UPDATE token SET scopes = scopes || (SELECT array_agg('jobs:delegate' || substr(s, length('jobs:run') + 1)) FROM unnest(scopes) AS s)
WHERE scopes IS NOT NULL AND cardinality(scopes) > 0
  AND NOT EXISTS (SELECT FROM unnest(scopes) AS s WHERE s <> 'jobs:run' AND NOT starts_with(s, 'jobs:run:'));

UPDATE http_trigger t SET mode = 'disabled', disabled_reason = 'Routes without a workspace in front are made by superadmins alone.'
WHERE NOT t.workspaced_route AND t.mode = 'enabled'
  AND NOT EXISTS (
    SELECT FROM account a LEFT JOIN member m ON m.workspace = t.workspace AND m.email = a.email
    WHERE a.super_admin AND NOT a.disabled AND coalesce(m.username, a.username) = t.edited_by
  );

ALTER TABLE idempotency ADD COLUMN caller text, ADD COLUMN input bytea;
UPDATE idempotency i SET caller = coalesce(
    (SELECT m.email FROM member m WHERE m.workspace = i.workspace AND m.username = r.created_by),
    (SELECT a.email FROM account a WHERE a.username = r.created_by), '')
FROM (SELECT id, created_by FROM run_live UNION ALL SELECT id, created_by FROM run) r WHERE r.id = i.run;
DELETE FROM idempotency WHERE caller IS NULL;
ALTER TABLE idempotency ALTER COLUMN caller SET NOT NULL;
ALTER TABLE idempotency DROP CONSTRAINT idempotency_pkey;
ALTER TABLE idempotency ADD PRIMARY KEY (workspace, caller, path, key);
COMMENT ON COLUMN idempotency.caller IS 'Whose key it is: an address, with the scopes of a limited token, or the id of an HTTP trigger.';
COMMENT ON COLUMN idempotency.input IS 'SHA-256 of arguments and options. NULL: the key is older than this column, and any input is taken for the same.';
