"""Logs and streams of jobs, read by offsets."""
