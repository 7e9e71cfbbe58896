-- What people are asked for may depend on the run: the form as its inputs made it.
ALTER TABLE approval ADD COLUMN form text;
COMMENT ON COLUMN approval.form IS 'JSON text: the form with the inputs of its node put in; without inputs it is in the plan.';
