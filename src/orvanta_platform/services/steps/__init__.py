"""A step of a run: read, answer, decide, write."""
