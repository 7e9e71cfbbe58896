-- name: append_log
-- The next chunk of an attempt's log; the same chunk twice is kept once.
INSERT INTO log_chunk (job, attempt, seq, first_char, chars, body) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
