"""All SQL of the platform: named queries (`sql/*.sql`), migrations, the pool, notifications, typed row functions."""
