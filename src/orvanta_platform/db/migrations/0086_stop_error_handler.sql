-- Error handlers stop when the admin who set them leaves, and stay stopped if that admin returns.

ALTER TABLE error_handler ADD COLUMN disabled boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN error_handler.disabled IS 'The admin who set it left; it starts nothing until an admin sets it again, or enables it for a new owner.';
