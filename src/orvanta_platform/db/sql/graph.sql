-- name: open_holders
-- The loops, branches and sub-workflows at the top level of a run that are under way.
SELECT id, frame, node_index, attempt, state, child, begun_at FROM counter WHERE run = $1 AND frame IS NULL

-- name: body_tallies
-- How many bodies of these openings of one run ended in which way, and the first of each; where a body has two rows, the
-- worse one. They carry the run's milliseconds, so that one partition is read.
SELECT opening, state, count(*) AS count, min(place) AS first
FROM (
    SELECT parent AS opening, place, min(state) AS state FROM job
    WHERE parent = ANY($2::uuid[]) AND place IS NOT NULL AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
      AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
    GROUP BY parent, place) b
GROUP BY opening, state

-- name: inner_tallies
-- How the jobs of nodes inside others stand, by the number of their node.
SELECT node_index, state, count(*) AS count, min(started_at) AS started_at, max(ended_at) AS ended_at FROM job
WHERE run = $1 AND parent IS NOT NULL AND kind <> 'frame' AND id >= (left($1::uuid::text, 13) || '-0000-0000-000000000000')::uuid
  AND id <= (left($1::uuid::text, 13) || '-ffff-ffff-ffffffffffff')::uuid
GROUP BY node_index, state
UNION ALL
SELECT node_index, state, count(*), min(claimed_at), NULL FROM job_live WHERE run = $1 AND frame IS NOT NULL GROUP BY node_index, state

-- name: frame_states
-- The states of the bodies of a run that are open, those that are alike together, with the first of them.
SELECT c.node_index, f.body, f.state, c.frame IS NULL AS at_top, count(*) AS count, min(f.place) AS first
FROM frame f JOIN counter c ON c.id = f.holder WHERE f.run = $1 GROUP BY c.node_index, f.body, f.state, c.frame IS NULL
