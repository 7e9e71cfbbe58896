-- name: unnamed_objects
-- Which of these objects no row names; each comes with the id of the run or job that would.
SELECT k.key FROM unnest($1::text[], $2::uuid[]) AS k(key, id)
WHERE NOT EXISTS (SELECT FROM value v WHERE v.id = k.id AND v.object = k.key)
  AND NOT EXISTS (SELECT FROM log_object o WHERE o.job = k.id AND o.object = k.key)
