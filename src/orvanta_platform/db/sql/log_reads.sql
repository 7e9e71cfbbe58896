-- name: read_log
-- The pieces of a job's log that reach into the characters from $3 to $4, all attempts one after another or only attempt $2.
WITH ends AS (
    SELECT attempt, max(first_char + chars) AS total FROM log_piece
    WHERE job = $1 AND ($2::integer IS NULL OR attempt = $2) GROUP BY attempt
), starts AS (
    SELECT attempt, (sum(total) OVER (ORDER BY attempt) - total)::bigint AS base FROM ends
)
SELECT s.base + p.first_char AS first_char, p.chars, p.body, p.object, p.start, p.bytes
FROM log_piece p JOIN starts s ON s.attempt = p.attempt
WHERE p.job = $1 AND s.base + p.first_char + p.chars > $3 AND s.base + p.first_char < $4
ORDER BY p.attempt, p.first_char

-- name: pieces_by_time
-- Pieces of the logs of many jobs of one run, in the order in which they were written, beyond the place
-- ($3 time, $4 job, $5 attempt, $6 end). A clock that was set back does not turn a log around.
SELECT job, attempt, first_char, chars, at, body, object, start, bytes FROM (
    SELECT p.job, p.attempt, p.first_char, p.chars, p.body, p.object, p.start, p.bytes,
           max(p.at) OVER (PARTITION BY p.job ORDER BY p.attempt, p.first_char) AS at
    FROM log_piece p
    WHERE p.job = ANY($2::uuid[])
      AND p.job >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
      AND p.job <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid) t
WHERE (at, job, attempt, first_char + chars) > ($3::timestamptz, $4::uuid, $5::integer, $6::bigint)
ORDER BY at, job, attempt, first_char + chars LIMIT $7
