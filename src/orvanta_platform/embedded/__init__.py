"""The embedded PostgreSQL and `orvanta up`."""
