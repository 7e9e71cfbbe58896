-- name: append_stream
-- Inserts the next chunks of an attempt's stream; a chunk that is sent again replaces the stored one. Returns the
-- attempt's number of openings: if $7 is another number, nothing was stored, because the chunks may contain a secret.
WITH openings AS MATERIALIZED (
    SELECT count(*) AS n
    FROM opening
    WHERE job = ($1::uuid[])[1] AND attempt = ($2::integer[])[1]
), new_chunks AS (
    INSERT INTO stream_chunk (job, attempt, seq, first_char, chars, body)
    SELECT c.*
    FROM openings, unnest($1, $2, $3::integer[], $4::bigint[], $5::integer[], $6::bytea[]) AS c
    WHERE openings.n = coalesce($7::bigint, openings.n)
    ON CONFLICT (job, attempt, seq) DO UPDATE SET first_char = excluded.first_char, chars = excluded.chars,
    body = excluded.body
)
SELECT n
FROM openings

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
