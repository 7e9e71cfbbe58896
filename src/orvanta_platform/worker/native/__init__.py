"""Runtimes that need no process: they run many jobs concurrently in the worker's event loop."""
