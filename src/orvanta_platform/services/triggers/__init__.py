"""Schedules and HTTP triggers."""
