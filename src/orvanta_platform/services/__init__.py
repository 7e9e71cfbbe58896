"""Use cases, one module per noun. Each checks permissions, calls the engine and the database, audits, and wakes
listeners."""
