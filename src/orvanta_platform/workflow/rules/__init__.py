"""Rules of a valid workflow beyond its grammar, one module per concern.

A rule takes a `Subject` and yields diagnostics.
"""
