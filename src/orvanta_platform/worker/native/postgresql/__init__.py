"""PostgreSQL SQL: the one place beside db that speaks to PostgreSQL, never to the platform's own."""
