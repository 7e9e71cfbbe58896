"""The rules of a valid workflow beyond its grammar, one module for each concern.

A rule takes a `Subject` and yields diagnostics.
"""
