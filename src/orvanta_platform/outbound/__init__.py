"""Connections to servers outside: addresses that are allowed, HTTP, mail."""
