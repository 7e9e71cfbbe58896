"""Model of a workflow: document, graph, expressions, validation, text, canonical form.

Pure functions from values to values.
"""
