"""Runtimes without a process: they run in the worker's event loop, many at a time."""
