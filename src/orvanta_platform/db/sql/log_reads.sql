-- name: read_log
-- Chunks of a job's log that reach beyond character $2, all attempts one after another or only attempt $3.
WITH ends AS (
    SELECT attempt, max(first_char + chars) AS total FROM log_chunk
    WHERE job = $1 AND ($3::integer IS NULL OR attempt = $3) GROUP BY attempt
), starts AS (
    SELECT attempt, (sum(total) OVER (ORDER BY attempt) - total)::bigint AS base FROM ends
)
SELECT s.base + c.first_char AS first_char, c.chars, c.body
FROM log_chunk c JOIN starts s ON s.attempt = c.attempt
WHERE c.job = $1 AND s.base + c.first_char + c.chars > $2
ORDER BY c.attempt, c.seq LIMIT $4
