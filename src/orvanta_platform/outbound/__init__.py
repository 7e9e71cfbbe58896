"""Connections to external servers: allowed addresses, HTTP, mail."""
