"""What a workflow is: document, graph, expressions, validation, text, canonical form.

Pure: values in, values out.
"""
