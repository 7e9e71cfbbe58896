"""The only SQL: named queries (`sql/*.sql`), migrations, the pool, notifications, typed row functions."""
