-- name: filter_unreferenced
-- Those of these objects that no row references. Each comes with the id of its run or job, taken from its key, and with
-- the same as a derived id: keys contain the ids that rows had when they were uploaded.
SELECT k.key
FROM unnest($1::text[], $2::uuid[], $3::uuid[]) AS k(key, id, derived)
WHERE NOT EXISTS (SELECT FROM value v WHERE v.id IN (k.id, k.derived) AND v.object = k.key)
  AND NOT EXISTS (SELECT FROM log_object o WHERE o.job IN (k.id, k.derived) AND o.object = k.key)
