-- name: append_stream
-- The next chunks of what an attempt streams; of a chunk that is sent again the last one counts. Gives how many openings
-- the attempt has: where $7 is another number, nothing was kept, as a secret may stand in it.
WITH opened AS MATERIALIZED (
    SELECT count(*) AS n FROM opening WHERE job = ($1::uuid[])[1] AND attempt = ($2::integer[])[1]
), kept AS (
    INSERT INTO stream_chunk (job, attempt, seq, first_char, chars, body)
    SELECT c.* FROM opened, unnest($1, $2, $3::integer[], $4::bigint[], $5::integer[], $6::bytea[]) AS c
    WHERE opened.n = coalesce($7::bigint, opened.n)
    ON CONFLICT (job, attempt, seq) DO UPDATE SET first_char = excluded.first_char, chars = excluded.chars, body = excluded.body
)
SELECT n FROM opened

-- name: read_stream
-- Of the newest attempt that has streamed: chunks that reach into the $4 characters from $3 on, which is 0 where the
-- attempt is not $2.
WITH newest AS (
    SELECT attempt, CASE WHEN attempt = $2 THEN $3::bigint ELSE 0 END AS start
    FROM (SELECT max(attempt) AS attempt FROM stream_chunk WHERE job = $1) m
)
SELECT c.attempt, c.first_char, c.body
FROM newest n JOIN stream_chunk c ON c.job = $1 AND c.attempt = n.attempt
WHERE c.first_char + c.chars > n.start AND c.first_char < n.start + $4::bigint
ORDER BY c.seq
