"""The worker: slots, runtimes, the sandbox of user code."""
