-- name: read_stream
-- Chunks of the newest attempt that has streamed, overlapping the $4 characters from $3 on; from 0 if the attempt is
-- not $2.
WITH newest AS (
    SELECT attempt, CASE WHEN attempt = $2 THEN $3::bigint ELSE 0 END AS start
    FROM (SELECT max(attempt) AS attempt FROM stream_chunk WHERE job = $1) m
)
SELECT c.attempt, c.first_char, c.body
FROM newest n
JOIN stream_chunk c ON c.job = $1 AND c.attempt = n.attempt
WHERE c.first_char + c.chars > n.start AND c.first_char < n.start + $4::bigint
ORDER BY c.seq
