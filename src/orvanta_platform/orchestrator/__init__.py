"""The run core: read a run, answer the requests of the engine, decide, write."""
