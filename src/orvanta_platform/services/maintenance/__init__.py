"""Backup, retention, consistency checks, files and workers."""
