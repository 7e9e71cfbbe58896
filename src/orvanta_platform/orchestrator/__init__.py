"""The run core: read a run, answer what the engine asks, decide, write."""
