"""Confinement of user code: the zygote, its cells, and the parts of each isolation level."""
