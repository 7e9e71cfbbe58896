-- Accounts that may not approve a request to deploy, as its authors, are stored with it and with its release: a service
-- account may be deleted or get another owner before the approval, and a member may leave the workspace of the release.

ALTER TABLE token ADD COLUMN issued_by text;
COMMENT ON COLUMN token.issued_by IS 'E-mail address of the admin who created the token of a service account; null: its owner.';

ALTER TABLE release ADD COLUMN authors text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN release.authors IS 'Accounts that answer for its creation: that of its creator, and admins behind a service account.';

ALTER TABLE deployment_request ADD COLUMN authors text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN deployment_request.authors IS 'Accounts that answer for it: that of its author, and admins behind a service account.';

UPDATE release AS r
SET authors = ARRAY(
    SELECT m.email FROM member AS m WHERE m.workspace = r.workspace AND m.username = r.created_by
    UNION
    SELECT f.email FROM former_member AS f WHERE f.workspace = r.workspace AND f.username = r.created_by
    UNION
    SELECT s.owner FROM service_account AS s WHERE s.workspace = r.workspace AND s.username = r.created_by
    UNION
    SELECT a.email FROM account AS a WHERE a.username = r.created_by AND a.super_admin
);

UPDATE deployment_request AS q
SET authors = ARRAY(
    SELECT q.author_email
    UNION
    SELECT s.owner FROM service_account AS s WHERE s.email = q.author_email
);
