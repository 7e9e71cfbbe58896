-- Comments about one item of a request to deploy, and members who are asked to approve a request.

ALTER TABLE deployment_decision
    ADD COLUMN item_kind text,
    ADD COLUMN item_path text,
    ADD CONSTRAINT deployment_decision_item CHECK ((item_kind IS NULL) = (item_path IS NULL));
COMMENT ON COLUMN deployment_decision.item_kind IS 'Kind of the item that a comment is about; null: it is about the request.';

CREATE TABLE deployment_assignee (
    request  bigint NOT NULL REFERENCES deployment_request (id) ON DELETE CASCADE,
    email    text NOT NULL,
    username text NOT NULL,
    assigned boolean NOT NULL DEFAULT true,
    PRIMARY KEY (request, email)
);
COMMENT ON TABLE deployment_assignee IS 'Members who are asked to approve a request to deploy.';
COMMENT ON COLUMN deployment_assignee.assigned IS 'False: no longer. The row remains, so that nobody gets two mails about a request.';
