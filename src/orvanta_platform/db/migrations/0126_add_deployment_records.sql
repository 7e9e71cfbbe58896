-- Reasons of rollbacks and the holds that they set, bypassed rules, and plans with which requests were closed.

ALTER TABLE environment ADD COLUMN hold_request bigint;
COMMENT ON COLUMN environment.hold_request IS 'Open request for a rollback that set the hold; null: it remains until it is lifted.';

ALTER TABLE deployment_request
    ADD COLUMN reason text,
    ADD COLUMN closed_plan jsonb;
COMMENT ON COLUMN deployment_request.reason IS 'Reason of a rollback.';
COMMENT ON COLUMN deployment_request.closed_plan IS 'Items of the plan with which the request was closed; null: it is open, or they were not stored.';

ALTER TABLE deployment ADD COLUMN bypassed text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN deployment.bypassed IS 'Codes of the rules that were not fulfilled.';
