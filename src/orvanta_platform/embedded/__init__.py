"""Embedded PostgreSQL and `orvanta up`."""
