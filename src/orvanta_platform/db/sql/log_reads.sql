-- name: read_log
-- The pieces of a job's log that overlap the characters from $3 to $4, of all attempts concatenated or only of attempt
-- $2.
WITH attempt_lengths AS (
    SELECT attempt, max(first_char + chars) AS total
    FROM log_piece
    WHERE job = $1 AND ($2::integer IS NULL OR attempt = $2)
    GROUP BY attempt
), attempt_starts AS (
    SELECT attempt, (sum(total) OVER (ORDER BY attempt) - total)::bigint AS base
    FROM attempt_lengths
)
SELECT s.base + p.first_char AS first_char, p.chars, p.body, p.object, p.start, p.bytes
FROM log_piece p
JOIN attempt_starts s ON s.attempt = p.attempt
WHERE p.job = $1 AND s.base + p.first_char + p.chars > $3 AND s.base + p.first_char < $4
ORDER BY p.attempt, p.first_char

-- name: list_pieces_by_time
-- Pieces of the logs of many jobs of one run, in the order of writing, after the position ($3 time, $4 job, $5 attempt,
-- $6 end). The maximum keeps each log in order if a clock was set back.
SELECT job, attempt, first_char, chars, at, body, object, start, bytes
FROM (
    SELECT p.job, p.attempt, p.first_char, p.chars, p.body, p.object, p.start, p.bytes,
           max(p.at) OVER (PARTITION BY p.job ORDER BY p.attempt, p.first_char) AS at
    FROM log_piece p
    WHERE p.job = ANY($2::uuid[])
      AND p.job >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
      AND p.job <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid) t
WHERE (at, job, attempt, first_char + chars) > ($3::timestamptz, $4::uuid, $5::integer, $6::bigint)
ORDER BY at, job, attempt, first_char + chars LIMIT $7

-- name: get_safe_time
-- Age in seconds above which no new piece of a log can appear: open transactions may commit pieces with the time at
-- which they began. At most a minute, so that a transaction that never ends does not block readers.
SELECT least(60, greatest($1::double precision,
                          extract(epoch FROM max(now() - a.xact_start))))::double precision AS age_s,
       app_now() AS now
FROM (SELECT xact_start FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL) a

-- name: list_pieces_after
-- Pieces of the logs of a run's jobs by time, written after $2; for the jobs $3 those after attempt $4 and character
-- $5. At most $6, ending once they have $7 characters.
SELECT job, node, place, attempt, at, first_char, chars, body, object, start, bytes
FROM (
    SELECT p.job, j.node, j.place, p.attempt, p.at, p.first_char, p.chars, p.body, p.object, p.start, p.bytes,
           sum(p.chars) OVER (ORDER BY p.at, p.job, p.attempt, p.first_char) - p.chars AS before
    FROM (
        SELECT id, node, place
        FROM job_live
        WHERE run = $1
        UNION ALL
        SELECT id, node, place
        FROM job
        WHERE run = $1 AND queue IS NOT NULL AND ended_at > $2::timestamptz - interval '2 minutes'
          AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
          AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
        UNION ALL
        SELECT id, NULL, NULL
        FROM run
        WHERE id = $1) j
    JOIN log_piece p ON p.job = j.id
    LEFT JOIN unnest($3::uuid[], $4::integer[], $5::bigint[]) AS k(job, attempt, stop) ON k.job = p.job
    WHERE CASE WHEN k.job IS NULL THEN p.at > $2 ELSE (p.attempt, p.first_char + p.chars) > (k.attempt, k.stop) END
    ORDER BY p.at, p.job, p.attempt, p.first_char LIMIT $6) t
WHERE before < $7
ORDER BY at, job, attempt, first_char

-- name: list_log_ends
-- The ends of those logs of a run's jobs that were written to after $2.
SELECT DISTINCT ON (p.job) p.job, p.attempt, p.first_char + p.chars AS stop, p.at
FROM (
    SELECT id
    FROM job_live
    WHERE run = $1
    UNION ALL
    SELECT id
    FROM job
    WHERE run = $1 AND queue IS NOT NULL AND ended_at > $2::timestamptz - interval '2 minutes'
      AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
      AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    UNION ALL
    SELECT id
    FROM run
    WHERE id = $1) j
JOIN log_piece p ON p.job = j.id AND p.at > $2
ORDER BY p.job, p.attempt DESC, p.first_char DESC
