-- name: queue_for_approvers
-- Queues a mail for each enabled member of the workspace $2 who is one of the approvers $3 (empty: its admins) and none
-- of $4, for at most 50.
INSERT INTO deployment_mail (request, event, email, username)
SELECT q.id, 'requested', m.email, q.author
FROM deployment_request AS q
JOIN member AS m ON m.workspace = $2 AND NOT m.disabled AND m.email <> ALL ($4::text[])
JOIN account AS a ON a.email = m.email AND NOT a.disabled
WHERE q.id = $1 AND NOT EXISTS (SELECT FROM service_account AS s WHERE s.email = m.email)
  AND CASE
      WHEN cardinality($3::text[]) = 0 THEN m.role = 'admin'
      ELSE 'u/' || m.username = ANY ($3) OR 'g/all' = ANY ($3)
           OR EXISTS (SELECT FROM team_member AS t
                      WHERE t.workspace = $2 AND t.username = m.username AND 'g/' || t.team = ANY ($3))
  END
ORDER BY m.username LIMIT 50;

-- name: queue_for_assignees
-- Queues a mail for each of the accounts $2, whom the member $3 asks for their approval.
INSERT INTO deployment_mail (request, event, email, username)
SELECT q.id, 'requested', n.email, $3
FROM deployment_request AS q
CROSS JOIN unnest($2::text[]) AS n (email)
WHERE q.id = $1;

-- name: queue_for_author
-- Queues a mail about the event $2 by the member $3 with the address $4 for the author of a request, who is somebody
-- else.
INSERT INTO deployment_mail (request, event, email, username)
SELECT q.id, $2, q.author_email, $3
FROM deployment_request AS q
WHERE q.id = $1 AND q.author_email <> $4
  AND NOT EXISTS (SELECT FROM service_account AS s WHERE s.email = q.author_email);

-- name: claim_due
-- Claims up to $1 mails that are due, with an increasing delay before the next attempt. `is_current` is false for a
-- recipient who was disabled, and for a request that was closed before its approvers were notified.
UPDATE deployment_mail AS m
SET tries = m.tries + 1, due_at = app_now() + make_interval(secs => least(3600, 15 * 2 ^ m.tries))
FROM (
    SELECT id FROM deployment_mail WHERE due_at <= app_now() ORDER BY due_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) AS due, deployment_request AS q
JOIN release AS r ON r.id = q.release
JOIN environment AS e ON e.name = q.environment
WHERE m.id = due.id AND q.id = m.request
RETURNING m.id, m.request, m.event, m.email, m.username, m.tries, q.environment, e.workspace, r.workspace AS source,
          r.number, q.kind = 'rollback' AS is_rollback, (m.event <> 'requested' OR q.state = 'open')
          AND EXISTS (SELECT FROM account AS a WHERE a.email = m.email AND NOT a.disabled) AS is_current;

-- name: delete
-- Deletes a mail that was sent or abandoned.
DELETE FROM deployment_mail WHERE id = $1;
