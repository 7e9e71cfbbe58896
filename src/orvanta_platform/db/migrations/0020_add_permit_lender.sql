-- What a run holds as a whole is lent to what it calls: its sub-workflows do not wait for it for ever.
ALTER TABLE permit ADD COLUMN lender uuid;
CREATE UNIQUE INDEX permit_lender ON permit (lender) WHERE lender IS NOT NULL;
COMMENT ON COLUMN permit.lender IS 'The run, around this one, that waits while its own permit is lent. Null: the permit is a place of the limit.';
COMMENT ON COLUMN gate.in_use IS 'How many rows of permit it has, those that are lent aside.';
