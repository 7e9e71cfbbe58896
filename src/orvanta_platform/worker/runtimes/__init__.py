"""Running one job, given its specification: no database, no queue."""
