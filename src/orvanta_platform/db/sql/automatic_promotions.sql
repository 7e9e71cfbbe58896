-- name: get
-- The automatic promotion to an environment.
SELECT permissioned_as, email, since, waits_for, disabled_reason FROM automatic_promotion WHERE environment = $1;

-- name: enable
-- Promotes to an environment automatically, as the member $2 with the address $3.
INSERT INTO automatic_promotion (environment, permissioned_as, email)
VALUES ($1, $2, $3)
ON CONFLICT (environment) DO UPDATE
SET permissioned_as = excluded.permissioned_as, email = excluded.email, since = app_now(), retry_at = app_now(),
    waits_for = NULL, disabled_reason = NULL;

-- name: delete
-- No longer promotes to an environment automatically.
DELETE FROM automatic_promotion WHERE environment = $1 RETURNING environment;

-- name: list_due
-- Releases to promote to the environment $1 (null: to all environments): the last one that was promoted to the previous
-- environment, after the soak time. Excluded are releases that have been in the environment, that precede the one of
-- their workspace that runs there, or for which a request was rejected, or withdrawn by the member who set up the
-- promotion, and releases whose checks in the previous environment did not pass. Neither environment is on hold.
-- `request`: the open request of that member.
SELECT a.environment, e.workspace, a.permissioned_as, a.email, d.release, d.source, d.number, (
           SELECT min(q.id) FROM deployment_request AS q
           WHERE q.environment = e.name AND q.release = d.release AND q.state = 'open' AND q.kind = 'promotion'
             AND q.author_email = a.email AND NOT q.overwrite
       ) AS request
FROM automatic_promotion AS a
JOIN environment AS e ON e.name = a.environment
JOIN LATERAL (
    SELECT p.deployment, p.hold_by FROM environment AS p WHERE p.position < e.position ORDER BY p.position DESC LIMIT 1
) AS previous ON previous.hold_by IS NULL
JOIN deployment AS d ON d.id = previous.deployment
LEFT JOIN deployment AS c ON c.id = e.deployment
WHERE ($1::text IS NULL OR a.environment = $1)
  AND a.disabled_reason IS NULL AND a.retry_at <= app_now() AND e.hold_by IS NULL
  AND d.kind = 'promotion' AND d.release IS NOT NULL
  AND d.applied_at <= app_now() - make_interval(mins => coalesce((e.rules ->> 'soak_minutes')::integer, 0))
  AND (c.id IS NULL OR c.source <> d.source OR c.number < d.number)
  AND NOT EXISTS (SELECT FROM deployment AS o WHERE o.environment = e.name AND o.digest = d.digest)
  AND NOT EXISTS (SELECT FROM deployment_check AS k WHERE k.deployment = d.id AND k.state <> 'passed')
  AND NOT EXISTS (
      SELECT FROM deployment_request AS q
      WHERE q.environment = e.name AND q.release = d.release
        AND (q.state = 'rejected' OR q.state = 'withdrawn' AND q.author_email = a.email)
  )
ORDER BY a.retry_at;

-- name: set_attempt
-- Records what an attempt waits for; the next one follows after $3 seconds. Another member may have set it up
-- meanwhile.
UPDATE automatic_promotion
SET waits_for = $4, retry_at = app_now() + make_interval(secs => $3)
WHERE environment = $1 AND email = $2;

-- name: disable
-- Ends the automatic promotion that the member with the address $2 set up, with a reason.
UPDATE automatic_promotion SET disabled_reason = $3, waits_for = NULL
WHERE environment = $1 AND email = $2 AND disabled_reason IS NULL
RETURNING environment;
