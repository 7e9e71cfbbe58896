-- The account of whoever decided. One account has one voice in each direction about each question; a decision about a
-- run as a whole counts for one question after another.
ALTER TABLE decision ADD COLUMN account text;
COMMENT ON COLUMN decision.account IS 'The e-mail address of the member who was signed in; null: a link or a job.';
UPDATE decision d SET account = m.email
FROM run_live r JOIN member m ON m.workspace = r.workspace
WHERE r.id = d.run AND m.username = d.approver AND d.member
  AND NOT EXISTS (SELECT FROM decision e
                  WHERE e.job = d.job AND e.member AND e.approver = d.approver AND e.approved = d.approved AND e.seq < d.seq);
UPDATE decision SET approver = 'link:' || approver WHERE NOT member;
CREATE UNIQUE INDEX decision_voice ON decision (job, account, approved) WHERE account IS NOT NULL AND job <> run;

-- Roots that a caller chose: a run has its own, a sub-workflow that of the run which called it.
WITH RECURSIVE tree AS (
    SELECT id, id AS root, 0 AS depth FROM run_live WHERE trigger <> 'flow' OR parent IS NULL
    UNION ALL
    SELECT c.id, t.root, t.depth + 1 FROM tree t JOIN run_live c ON c.parent = t.id AND c.trigger = 'flow' WHERE t.depth < 32
)
UPDATE run_live r SET root = t.root FROM tree t WHERE t.id = r.id AND r.root <> t.root;
-- A run started by a call is no part of a workflow's run.
UPDATE run_live r SET parent = NULL
FROM run_live p WHERE p.id = r.parent AND r.trigger <> 'flow' AND (p.kind IN ('flow', 'flowpreview') OR p.workspace <> r.workspace);
