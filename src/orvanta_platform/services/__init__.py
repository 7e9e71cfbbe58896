"""Use cases, one module per noun: permissions, transactions, calls of engine and database, audit, notifications."""
