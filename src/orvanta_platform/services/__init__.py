"""Use cases, one module per noun: permission, transaction, engine and database, audit, wake-ups."""
