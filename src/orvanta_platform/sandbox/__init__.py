"""Confinement of user code: the zygote, its cells, and what each isolation level is made of."""
