-- name: list_deployed_items
-- The items of an environment as its deployments left them, without those that were removed.
SELECT kind, path, hash FROM deployed_item WHERE environment = $1 AND hash <> '';

-- name: list_removed_since
-- The items that deployments removed from an environment since the release with the digest $2 ran there before the
-- present one, with up to 50 earlier releases at their paths, newest first; for a rollback that restored the item, the
-- release that it restored it from. Null: the release was deleted.
WITH earlier AS (
    SELECT max(d.id) AS id
    FROM deployment AS d
    CROSS JOIN (SELECT l.digest FROM deployment AS l WHERE l.environment = $1 ORDER BY l.id DESC LIMIT 1) AS now
    WHERE d.environment = $1 AND d.digest = $2 AND d.id < (
        SELECT max(p.id) FROM deployment AS p
        WHERE p.environment = $1 AND p.digest = now.digest AND p.kind = 'promotion'
    )
)
SELECT i.kind, i.path, ARRAY(
    SELECT coalesce((d.restored ->> (i.kind || '/' || i.path))::bigint, d.release) FROM deployment AS d
    WHERE d.environment = $1 AND d.id <= earlier.id AND i.path = ANY (d.paths)
    ORDER BY d.id DESC LIMIT 50
) AS releases
FROM deployed_item AS i
CROSS JOIN earlier
WHERE i.environment = $1 AND i.hash = '' AND i.deployment > earlier.id
ORDER BY i.kind, i.path;

-- name: list_requirements
-- Those of the variables $2 and resources $3 of a workspace that exist and are readable.
SELECT 'variable' AS kind, v.path, NULL AS resource_type
FROM variable AS v
WHERE v.workspace = $1 AND v.path = ANY ($2::text[])
  AND ($4 OR v.path LIKE ANY ($5::text[]) OR v.extra_perms ?| $6::text[])
UNION ALL
SELECT 'resource', r.path, r.resource_type
FROM resource AS r
WHERE r.workspace = $1 AND r.path = ANY ($3::text[])
  AND ($4 OR r.path LIKE ANY ($5) OR r.extra_perms ?| $6);

-- name: list_unserved_queues
-- Those of some queues that no live worker serves.
SELECT q.queue
FROM unnest($1::text[]) AS q (queue)
WHERE NOT EXISTS (SELECT FROM worker AS w WHERE w.state = 'live' AND (w.queues IS NULL OR q.queue = ANY (w.queues)))
ORDER BY q.queue;

-- name: list_inactive_owners
-- Those of the schedules $2, the HTTP triggers $3, and the scripts and workflows of the kinds $4 at the paths $5 of a
-- workspace that act for an identity which is no longer active.
SELECT kind, path, permissioned_as
FROM (
    SELECT 'schedule' AS kind, s.path, s.permissioned_as, s.email
    FROM schedule AS s
    WHERE s.workspace = $1 AND s.path = ANY ($2::text[])
    UNION ALL
    SELECT 'http_trigger', h.path, h.permissioned_as, h.email
    FROM http_trigger AS h
    WHERE h.workspace = $1 AND h.path = ANY ($3::text[])
    UNION ALL
    SELECT i.kind, i.path, v.permissioned_as, v.settings ->> 'on_behalf_of_email'
    FROM unnest($4::text[], $5::text[]) AS k (kind, path)
    JOIN item AS i ON i.workspace = $1 AND i.kind = k.kind AND i.path = k.path
    JOIN version AS v ON v.id = i.version
    WHERE v.permissioned_as IS NOT NULL AND NOT i.archived
) AS acting
WHERE is_active_identity($1, permissioned_as, email) IS NOT TRUE;

-- name: list_in_use
-- Of the workflows and scripts of the kinds $2 at the paths $3 of a workspace, those that enabled schedules start or
-- that have runs in progress, with the numbers of both; of runs at most $4 are counted together.
WITH changed AS (
    SELECT k.kind, k.path FROM unnest($2::text[], $3::text[]) AS k (kind, path)
), scheduled AS (
    SELECT c.kind, c.path, count(*) AS schedules
    FROM changed AS c
    JOIN schedule AS s ON s.workspace = $1 AND s.script_path = c.path AND s.is_flow = (c.kind = 'flow')
    WHERE s.enabled
    GROUP BY c.kind, c.path
), under_way AS (
    SELECT r.kind, r.path
    FROM run_live AS r
    JOIN changed AS c ON c.kind = r.kind AND c.path = r.path
    WHERE r.workspace = $1
    LIMIT $4
), running AS (
    SELECT kind, path, count(*) AS runs FROM under_way GROUP BY kind, path
)
SELECT c.kind, c.path, coalesce(s.schedules, 0) AS schedules, coalesce(r.runs, 0) AS runs
FROM changed AS c
LEFT JOIN scheduled AS s ON s.kind = c.kind AND s.path = c.path
LEFT JOIN running AS r ON r.kind = c.kind AND r.path = c.path
WHERE s.schedules > 0 OR r.runs > 0
ORDER BY c.kind, c.path;

-- name: list_last_changes
-- The last change of each of the items of the kinds $2 at the paths $3 of a workspace; null if it is not known. The
-- audit trail has those of deleted triggers and of resource types.
SELECT c.kind, c.path, coalesce(i.edited_by, s.edited_by, h.edited_by, a.actor) AS changed_by,
       coalesce(i.edited_at, s.edited_at, h.edited_at, a.at) AS changed_at
FROM unnest($2::text[], $3::text[]) AS c (kind, path)
LEFT JOIN item AS i ON i.workspace = $1 AND i.kind = c.kind AND i.path = c.path
LEFT JOIN schedule AS s ON c.kind = 'schedule' AND s.workspace = $1 AND s.path = c.path
LEFT JOIN http_trigger AS h ON c.kind = 'http_trigger' AND h.workspace = $1 AND h.path = c.path
LEFT JOIN LATERAL (
    SELECT l.actor, l.at
    FROM audit AS l
    WHERE l.workspace = $1 AND l.resource = c.path COLLATE "C" AND starts_with(l.operation, c.kind || 's.')
      AND coalesce(i.path, s.path, h.path) IS NULL
    ORDER BY l.id DESC LIMIT 1
) AS a ON true
ORDER BY c.kind, c.path;

-- name: insert_request
-- Adds a request to deploy a release.
INSERT INTO deployment_request (environment, release, kind, overwrite, plan_hash, author, author_email, authors, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text[], $9)
RETURNING id;

-- name: find_open
-- The open request of the author $4 for the release $2 of the kind $3, and the number of open requests of this author.
SELECT min(id) FILTER (WHERE release = $2 AND kind = $3) AS same, count(*) AS own
FROM deployment_request
WHERE environment = $1 AND state = 'open' AND author_email = $4;

-- name: count_recent
-- The number of requests of an environment that the author $2 has made in the last hour.
SELECT count(*) FROM deployment_request
WHERE environment = $1 AND author_email = $2 AND created_at > app_now() - interval '1 hour';

-- name: get_requests
-- The requests with the ids $1, in their order, with their releases.
SELECT q.id, q.environment, q.release, q.kind, q.state, q.overwrite, q.plan_hash, q.author, q.author_email,
       q.created_at, q.closed_by, q.closed_at, q.reason, r.workspace AS source, r.number, r.digest, r.notes,
       r.paths, ARRAY(
           SELECT a.username FROM deployment_assignee AS a WHERE a.request = q.id AND a.assigned ORDER BY a.username
       ) AS assignees
FROM unnest($1::bigint[]) WITH ORDINALITY AS i (id, position)
JOIN deployment_request AS q ON q.id = i.id
JOIN release AS r ON r.id = q.release
ORDER BY i.position;

-- name: list_requests
-- The ids of a page of the requests of an environment below id $2, newest first; with $3 only those in that state.
-- Includes those of the author $4, and others if all of their paths are readable.
SELECT q.id
FROM deployment_request AS q
JOIN release AS r ON r.id = q.release
WHERE q.environment = $1 AND ($2::bigint IS NULL OR q.id < $2) AND ($3::text IS NULL OR q.state = $3)
  AND (q.author_email = $4 OR $5 OR NOT EXISTS (
      SELECT FROM unnest(r.paths) AS p (path) WHERE NOT p.path LIKE ANY ($6::text[])
  ))
  AND ($7::text[] IS NULL OR NOT EXISTS (
      SELECT FROM unnest(r.paths) AS p (path) WHERE NOT p.path LIKE ANY ($7)
  ))
ORDER BY q.id DESC LIMIT $8;

-- name: list_unapproved
-- The ids of the open requests of an environment, oldest first, whose plan the account $2 has not approved: those of
-- which it may read all paths, or with $8 false the others. With $6 only those of which it is not an author: see
-- list_authors. A request does not wait for the account while others are assigned who have not approved the plan.
SELECT q.id
FROM deployment_request AS q
JOIN release AS r ON r.id = q.release
WHERE q.environment = $1 AND q.state = 'open'
  AND $8 = (
      ($3 OR NOT EXISTS (SELECT FROM unnest(r.paths) AS p (path) WHERE NOT p.path LIKE ANY ($4::text[])))
      AND ($5::text[] IS NULL OR NOT EXISTS (
          SELECT FROM unnest(r.paths) AS p (path) WHERE NOT p.path LIKE ANY ($5)
      ))
  )
  AND NOT EXISTS (
      SELECT FROM deployment_decision AS d
      WHERE d.request = q.id AND d.decision = 'approved' AND d.plan_hash = q.plan_hash AND d.email = $2
  )
  AND (
      EXISTS (SELECT FROM deployment_assignee AS a WHERE a.request = q.id AND a.assigned AND a.email = $2)
      OR NOT EXISTS (
          SELECT FROM deployment_assignee AS a
          WHERE a.request = q.id AND a.assigned AND NOT EXISTS (
              SELECT FROM deployment_decision AS d
              WHERE d.request = q.id AND d.decision = 'approved' AND d.plan_hash = q.plan_hash AND d.email = a.email
          )
      )
  )
  AND NOT ($6 AND EXISTS (
      SELECT
      FROM (
          SELECT q.author_email AS email
          UNION
          SELECT coalesce(m.email, a.email)
          FROM (SELECT r.created_by) AS c
          LEFT JOIN member AS m ON m.workspace = r.workspace AND m.username = c.created_by
          LEFT JOIN account AS a ON a.username = c.created_by
      ) AS author
      LEFT JOIN service_account AS s ON s.email = author.email
      WHERE $2 IN (author.email, s.owner) OR $2 = ANY (q.authors || r.authors)
  ))
ORDER BY q.id LIMIT $7;

-- name: find_request
-- The id of a request of an environment, under the conditions of list_requests.
SELECT q.id
FROM deployment_request AS q
JOIN release AS r ON r.id = q.release
WHERE q.environment = $1 AND q.id = $2
  AND (q.author_email = $3 OR $4 OR NOT EXISTS (
      SELECT FROM unnest(r.paths) AS p (path) WHERE NOT p.path LIKE ANY ($5::text[])
  ))
  AND ($6::text[] IS NULL OR NOT EXISTS (
      SELECT FROM unnest(r.paths) AS p (path) WHERE NOT p.path LIKE ANY ($6)
  ));

-- name: get_release
-- The release of a request, with its content.
SELECT id, workspace, number, digest, notes, paths, body, imported::text AS imported, created_by, created_at
FROM release
WHERE id = $1;

-- name: is_open
-- Returns true if an environment has an open request with an id.
SELECT EXISTS (SELECT FROM deployment_request WHERE environment = $1 AND id = $2 AND state = 'open');

-- name: lock_request
-- Locks a request; returns its state and plan.
SELECT state, plan_hash FROM deployment_request WHERE id = $1 FOR UPDATE;

-- name: close_request
-- Closes a request with the items of its plan.
UPDATE deployment_request SET state = $2, closed_by = $3, closed_at = app_now(), closed_plan = $4::text::jsonb
WHERE id = $1;

-- name: withdraw_same
-- Closes, as the member $4, all open requests of the kind $5 for the release $2 except the request $3, which was
-- applied.
UPDATE deployment_request SET state = 'withdrawn', closed_by = $4, closed_at = app_now()
WHERE environment = $1 AND release = $2 AND id <> $3 AND kind = $5 AND state = 'open'
RETURNING id;

-- name: set_plan
-- Stores a new plan of a request; approvals of the previous one no longer count.
UPDATE deployment_request SET plan_hash = $2, overwrite = $3 WHERE id = $1;

-- name: insert_decision
-- Adds an approval, a rejection or a comment.
INSERT INTO deployment_decision (request, decision, plan_hash, username, email, comment, item_kind, item_path)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: list_decisions
-- The last 1,000 approvals and rejections of a request, and its last 1,000 comments, oldest first.
SELECT decision, plan_hash, username, email, comment, created_at, item_kind, item_path
FROM (
    (SELECT * FROM deployment_decision WHERE request = $1 AND decision <> 'comment' ORDER BY id DESC LIMIT 1000)
    UNION ALL
    (SELECT * FROM deployment_decision WHERE request = $1 AND decision = 'comment' ORDER BY id DESC LIMIT 1000)
) AS d
ORDER BY id;

-- name: has_approved
-- Returns true if an account has approved the plan $2 of a request.
SELECT EXISTS (
    SELECT FROM deployment_decision WHERE request = $1 AND decision = 'approved' AND plan_hash = $2 AND email = $3
);

-- name: count_comments
-- The number of comments of an account on a request.
SELECT count(*) FROM deployment_decision WHERE request = $1 AND decision = 'comment' AND email = $2;

-- name: find_approvers
-- Up to $5 members that are enabled in the workspace $1 and are among the approvers $3 (empty: its admins), without
-- service accounts and the accounts $4; only those with the usernames $2 if it is not null.
SELECT m.username, m.email
FROM member AS m
JOIN account AS a ON a.email = m.email AND NOT a.disabled
WHERE m.workspace = $1 AND ($2::text[] IS NULL OR m.username = ANY ($2))
  AND NOT m.disabled AND m.email <> ALL ($4::text[])
  AND NOT EXISTS (SELECT FROM service_account AS s WHERE s.email = m.email)
  AND CASE
      WHEN cardinality($3::text[]) = 0 THEN m.role = 'admin' OR a.super_admin
      ELSE 'u/' || m.username = ANY ($3) OR 'g/all' = ANY ($3)
           OR EXISTS (SELECT FROM team_member AS t
                      WHERE t.workspace = $1 AND t.username = m.username AND 'g/' || t.team = ANY ($3))
  END
ORDER BY m.username LIMIT $5;

-- name: assign
-- Assigns a request to the accounts $2 with the usernames $3, and to nobody else; returns those that were not assigned
-- to it before, at any time.
WITH before AS (
    SELECT email FROM deployment_assignee WHERE request = $1
), removed AS (
    UPDATE deployment_assignee SET assigned = false WHERE request = $1 AND email <> ALL ($2::text[])
)
INSERT INTO deployment_assignee AS a (request, email, username)
SELECT $1, n.email, n.username FROM unnest($2::text[], $3::text[]) AS n (email, username)
ON CONFLICT (request, email) DO UPDATE SET assigned = true, username = excluded.username
RETURNING a.email, NOT EXISTS (SELECT FROM before AS b WHERE b.email = a.email) AS is_new;

-- name: lock_environment
-- Locks an environment, so that one deployment is applied at a time.
SELECT name FROM environment WHERE name = $1 FOR UPDATE;

-- name: insert_deployment
-- Adds a deployment as the last one of its environment.
WITH added AS (
    INSERT INTO deployment (environment, request, release, source, number, digest, paths, kind, plan_hash,
                            bypass_reason, applied_by, restored, bypassed)
    VALUES ($1, $2, $3, $4, $5, $6, $7::text[], $8, $9, $10, $11, $12::text::jsonb, $13::text[])
    RETURNING id
)
UPDATE environment AS e SET deployment = added.id FROM added WHERE e.name = $1
RETURNING e.deployment;

-- name: store_deployed_items
-- Stores the items of an environment as a deployment left them; an empty hash if it removed the item.
INSERT INTO deployed_item (environment, kind, path, hash, deployment)
SELECT $1, i.kind, i.path, i.hash, $5
FROM unnest($2::text[], $3::text[], $4::text[]) AS i (kind, path, hash)
ON CONFLICT (environment, kind, path) DO UPDATE SET hash = excluded.hash, deployment = excluded.deployment;

-- name: list_deployments
-- A page of the deployments of an environment below id $2, newest first; only those of which all paths are readable.
SELECT d.id, d.environment, d.request, d.source, d.number, d.digest, d.paths, d.kind, d.plan_hash, d.bypass_reason,
       d.bypassed, d.applied_by, d.applied_at, q.reason, p.source AS replaced_source, p.number AS replaced_number,
       r.imported::text AS imported
FROM deployment AS d
LEFT JOIN release AS r ON r.id = d.release
LEFT JOIN deployment_request AS q ON q.id = d.request
LEFT JOIN LATERAL (
    SELECT l.source, l.number, l.paths FROM deployment AS l
    WHERE l.environment = d.environment AND l.id < d.id
    ORDER BY l.id DESC LIMIT 1
) AS p ON ($3 OR NOT EXISTS (SELECT FROM unnest(p.paths) AS s (path) WHERE NOT s.path LIKE ANY ($4::text[])))
  AND ($5::text[] IS NULL OR NOT EXISTS (SELECT FROM unnest(p.paths) AS s (path) WHERE NOT s.path LIKE ANY ($5)))
WHERE d.environment = $1 AND ($2::bigint IS NULL OR d.id < $2)
  AND ($3 OR NOT EXISTS (SELECT FROM unnest(d.paths) AS p (path) WHERE NOT p.path LIKE ANY ($4::text[])))
  AND ($5::text[] IS NULL OR NOT EXISTS (
      SELECT FROM unnest(d.paths) AS p (path) WHERE NOT p.path LIKE ANY ($5)
  ))
ORDER BY d.id DESC LIMIT $6;

-- name: list_trigger_owners
-- The members that the schedules $2 and HTTP triggers $3 of a workspace act for.
SELECT 'schedule' AS kind, s.path, s.permissioned_as
FROM schedule AS s
WHERE s.workspace = $1 AND s.path = ANY ($2::text[])
UNION ALL
SELECT 'http_trigger', h.path, h.permissioned_as
FROM http_trigger AS h
WHERE h.workspace = $1 AND h.path = ANY ($3::text[]);

-- name: get_outcome
-- The plan with which a request was closed, its deployment, and the release that ran in the environment before it:
-- until the request was closed, or now. That release only if all of its paths are readable.
SELECT q.closed_plan::text AS closed_plan, d.id AS deployment, d.bypass_reason, coalesce(d.bypassed, '{}') AS bypassed,
       p.source AS replaced_source, p.number AS replaced_number
FROM deployment_request AS q
LEFT JOIN deployment AS d ON d.request = q.id
LEFT JOIN LATERAL (
    SELECT l.source, l.number, l.paths FROM deployment AS l
    WHERE l.environment = q.environment AND (d.id IS NULL OR l.id < d.id)
      AND (q.closed_at IS NULL OR l.applied_at <= q.closed_at)
    ORDER BY l.id DESC LIMIT 1
) AS p ON ($2 OR NOT EXISTS (SELECT FROM unnest(p.paths) AS s (path) WHERE NOT s.path LIKE ANY ($3::text[])))
  AND ($4::text[] IS NULL OR NOT EXISTS (SELECT FROM unnest(p.paths) AS s (path) WHERE NOT s.path LIKE ANY ($4)))
WHERE q.id = $1;

-- name: list_closed_items
-- For each of the items of the kinds $2 at the paths $3 of the closed request $1: the release from which its
-- environment had it before, and the release from which the request takes it. Null: there was none, or it was deleted.
SELECT i.kind, i.path, (
           SELECT coalesce((l.restored ->> (i.kind || '/' || i.path))::bigint, l.release)
           FROM deployment AS l
           WHERE l.environment = q.environment AND i.path = ANY (l.paths) AND (d.id IS NULL OR l.id < d.id)
             AND l.applied_at <= q.closed_at
           ORDER BY l.id DESC LIMIT 1
       ) AS before, coalesce((d.restored ->> (i.kind || '/' || i.path))::bigint, q.release) AS after
FROM deployment_request AS q
LEFT JOIN deployment AS d ON d.request = q.id
CROSS JOIN unnest($2::text[], $3::text[]) AS i (kind, path)
WHERE q.id = $1;

-- name: find_earlier
-- The last release that was applied to an environment before the release that runs there now was promoted; with $2 and
-- $3 only that release.
SELECT r.id, r.workspace, r.number, r.digest, r.notes, r.paths, r.body, r.imported::text AS imported, r.created_by,
       r.created_at
FROM deployment AS d
JOIN release AS r ON r.id = d.release
CROSS JOIN (SELECT l.digest FROM deployment AS l WHERE l.environment = $1 ORDER BY l.id DESC LIMIT 1) AS now
WHERE d.environment = $1 AND d.digest <> now.digest AND d.id < (
    SELECT max(p.id) FROM deployment AS p
    WHERE p.environment = $1 AND p.digest = now.digest AND p.kind = 'promotion'
) AND ($2::text IS NULL OR d.source = $2 AND d.number = $3)
ORDER BY d.id DESC LIMIT 1;

-- name: find_dependent
-- An environment of another workspace of which one of the last ten deployments is of a release of a workspace, or
-- restored an item of one.
SELECT e.name
FROM environment AS e
CROSS JOIN LATERAL (
    SELECT d.source, d.restored FROM deployment AS d WHERE d.environment = e.name ORDER BY d.id DESC LIMIT 10
) AS last
WHERE e.workspace <> $1 AND (last.source = $1 OR EXISTS (
    SELECT FROM jsonb_each_text(last.restored) AS i JOIN release AS r ON r.id = i.value::bigint WHERE r.workspace = $1
))
LIMIT 1;

-- name: has_soaked
-- Returns true if a release has been in an environment for $3 minutes, without another one in between, and was not
-- rolled back since.
SELECT EXISTS (
    SELECT FROM deployment AS d
    WHERE d.environment = $1 AND d.digest = $2 AND d.applied_at <= app_now() - make_interval(mins => $3)
      AND NOT EXISTS (
          SELECT FROM deployment AS l
          WHERE l.environment = $1 AND l.id > d.id
            AND (l.kind = 'rollback' OR l.digest <> $2 AND l.applied_at < d.applied_at + make_interval(mins => $3))
      )
);

-- name: find_previous
-- The environment before one in the pipeline.
SELECT p.name
FROM environment AS e
JOIN environment AS p ON p.position < e.position
WHERE e.name = $1
ORDER BY p.position DESC LIMIT 1;

-- name: set_hold
-- Prevents promotions to an environment until the hold is lifted, or the request $4 is closed and not applied; returns
-- no row if there is a hold, which remains as it is, unless it ends with a request and the new one does not.
UPDATE environment SET hold_by = $2, hold_since = app_now(), hold_reason = $3, hold_request = $4
WHERE name = $1 AND (hold_by IS NULL OR hold_request IS NOT NULL AND $4::bigint IS NULL)
RETURNING name;

-- name: keep_hold
-- Lets the hold of an environment, if there is one, be that of the rollback $2, which is applied.
UPDATE environment AS e SET
    hold_by = q.author,
    hold_since = CASE WHEN e.hold_by = q.author THEN e.hold_since ELSE app_now() END,
    hold_reason = coalesce(q.reason, e.hold_reason),
    hold_request = NULL
FROM deployment_request AS q
WHERE e.name = $1 AND e.hold_by IS NOT NULL AND q.id = $2;

-- name: release_hold
-- Lifts the hold that the request $2 has set; an open request of the environment $1 for another rollback takes it over.
-- Returns no row if the request has set none.
UPDATE environment SET (hold_by, hold_since, hold_reason, hold_request) = (
    SELECT q.author, q.created_at, q.reason, q.id FROM deployment_request AS q
    WHERE q.environment = $1 AND q.kind = 'rollback' AND q.state = 'open' AND q.id <> $2 AND q.reason IS NOT NULL
    ORDER BY q.id LIMIT 1
)
WHERE name = $1 AND hold_request = $2
RETURNING hold_by;

-- name: lift_hold
-- Permits promotions to an environment again; returns no row if there is no hold.
UPDATE environment SET hold_by = NULL, hold_since = NULL, hold_reason = NULL, hold_request = NULL
WHERE name = $1 AND hold_by IS NOT NULL
RETURNING name;

-- name: list_authors
-- Those who made a request or its release, and the owners of service accounts among them: as they were at that time,
-- and as they are now. The name in a release is that of a member or, without one, of a superadmin.
WITH author AS (
    SELECT q.author_email AS email FROM deployment_request AS q WHERE q.id = $1
    UNION
    SELECT coalesce(m.email, a.email)
    FROM deployment_request AS q
    JOIN release AS r ON r.id = q.release
    LEFT JOIN member AS m ON m.workspace = r.workspace AND m.username = r.created_by
    LEFT JOIN account AS a ON a.username = r.created_by
    WHERE q.id = $1 AND coalesce(m.email, a.email) IS NOT NULL
)
SELECT email FROM author
UNION
SELECT s.owner FROM author JOIN service_account AS s ON s.email = author.email
UNION
SELECT unnest(q.authors || r.authors)
FROM deployment_request AS q
JOIN release AS r ON r.id = q.release
WHERE q.id = $1;

-- name: count_approvals
-- The number of accounts that approved the plan $2 of a request and may still do so: enabled members of the workspace
-- $3 among the approvers $4 (empty: its admins), without the authors $5.
SELECT count(DISTINCT d.email)
FROM deployment_decision AS d
JOIN account AS a ON a.email = d.email AND NOT a.disabled
LEFT JOIN member AS m ON m.workspace = $3 AND m.email = d.email AND NOT m.disabled
WHERE d.request = $1 AND d.decision = 'approved' AND d.plan_hash = $2 AND d.email <> ALL ($5::text[])
  AND CASE
      WHEN cardinality($4::text[]) = 0 THEN coalesce(m.role = 'admin', false) OR a.super_admin
      ELSE m.username IS NOT NULL AND (
          'u/' || m.username = ANY ($4) OR 'g/all' = ANY ($4)
          OR EXISTS (SELECT FROM team_member AS t
                     WHERE t.workspace = $3 AND t.username = m.username AND 'g/' || t.team = ANY ($4))
      )
  END;
