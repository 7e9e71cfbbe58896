"""The queue as a queue: who claims what, and whose worker is lost."""
