"""Core of the durable workflow engine: pure functions from values to values, without clock, I/O or logging."""
