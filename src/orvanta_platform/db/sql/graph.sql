-- name: list_open_containers
-- The open loops, branches and sub-workflows at the top level of a run.
SELECT id, frame, node_index, attempt, state, child, begun_at
FROM counter
WHERE run = $1 AND frame IS NULL

-- name: count_bodies
-- Number of bodies of these openings of one run by outcome, with the first of each; of a body with two rows the worse
-- one counts. Their ids contain the run's milliseconds, so that one partition is read.
SELECT opening, state, count(*) AS count, min(place) AS first
FROM (
    SELECT parent AS opening, place, min(state) AS state
    FROM job
    WHERE parent = ANY($2::uuid[]) AND place IS NOT NULL
      AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
      AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    GROUP BY parent, place) b
GROUP BY opening, state

-- name: count_inner_jobs
-- Number of jobs of inner nodes by state and number of their node, with the sum of the times that they took.
SELECT node_index, state, count(*) AS count, min(started_at) AS started_at,
       sum(ended_at - started_at) AS took
FROM job
WHERE run = $1 AND parent IS NOT NULL AND kind <> 'frame'
  AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
GROUP BY node_index, state
UNION ALL
SELECT node_index, state, count(*), min(claimed_at), NULL
FROM job_live
WHERE run = $1 AND frame IS NOT NULL
GROUP BY node_index, state

-- name: count_open_bodies
-- States of the open bodies of a run, equal ones counted together, with the first of them.
SELECT c.node_index, f.body, f.state, c.frame IS NULL AS at_top, count(*) AS count, min(f.place) AS first
FROM frame f
JOIN counter c ON c.id = f.holder
WHERE f.run = $1
GROUP BY c.node_index, f.body, f.state, c.frame IS NULL
