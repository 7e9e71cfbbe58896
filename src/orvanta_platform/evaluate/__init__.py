"""Evaluation of expressions: the small interpreter, the JavaScript child processes, and transforms of node inputs."""
