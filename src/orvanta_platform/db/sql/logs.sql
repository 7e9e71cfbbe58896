-- name: append_chunks
-- Inserts the next chunks of an attempt's log, or of its stream if log_chunk is replaced by stream_chunk; a chunk that
-- is sent again replaces the stored one. Returns the attempt's number of openings: if $7 is another number, nothing was
-- stored, because the chunks may contain a secret.
WITH openings AS MATERIALIZED (
    SELECT count(*) AS n
    FROM opening
    WHERE job = ($1::uuid[])[1] AND attempt = ($2::integer[])[1]
), new_chunks AS (
    INSERT INTO log_chunk (job, attempt, seq, first_char, chars, body)
    SELECT c.*
    FROM openings, unnest($1, $2, $3::integer[], $4::bigint[], $5::integer[], $6::bytea[]) AS c
    WHERE openings.n = coalesce($7::bigint, openings.n)
    ON CONFLICT (job, attempt, seq) DO UPDATE SET first_char = excluded.first_char, chars = excluded.chars,
    body = excluded.body
)
SELECT n
FROM openings

-- name: list_chunks
-- Chunks of one attempt from a seq on, in order.
SELECT seq, chars, body, at
FROM log_chunk
WHERE job = $1 AND attempt = $2 AND seq >= $3
ORDER BY seq LIMIT $4

-- name: insert_object
-- Records the object with the whole log of an attempt; returns no row if the log is another object.
INSERT INTO log_object AS o (job, attempt, object, frame_chars, frame_bytes, frame_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (job, attempt) DO UPDATE SET object = excluded.object
WHERE o.object = excluded.object
RETURNING job

-- name: delete_chunks
-- Deletes the chunks of an attempt whose log is an object.
DELETE FROM log_chunk WHERE job = $1 AND attempt = $2
