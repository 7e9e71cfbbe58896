-- Retries of the scripts that HTTP triggers start.

ALTER TABLE http_trigger ADD COLUMN retry text;
COMMENT ON COLUMN http_trigger.retry IS 'JSON text: the retry of the scripts that it starts; null: they are not retried.';
