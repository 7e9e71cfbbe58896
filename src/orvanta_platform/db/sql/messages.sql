-- name: find_due
-- True for each kind of which a message or a check of a deployment is due. Webhooks of workspaces are due if the audit
-- trail has rows that were neither sent nor skipped.
SELECT EXISTS (SELECT FROM notice AS n WHERE n.due_at <= app_now()) AS notifications,
       EXISTS (SELECT FROM failed_run AS f WHERE f.due_at <= app_now()) AS error_handlers,
       EXISTS (SELECT FROM deployment_mail AS m WHERE m.due_at <= app_now()) AS deployment_mails,
       EXISTS (SELECT FROM deployment_check AS c WHERE c.due_at <= app_now()) AS deployment_checks,
       EXISTS (
           SELECT FROM item_webhook AS w
           WHERE w.due_at <= app_now() AND EXISTS (
               SELECT FROM audit AS a WHERE a.xid >= w.position AND a.xid < pg_snapshot_xmin(pg_current_snapshot()))
       ) AS item_webhooks
