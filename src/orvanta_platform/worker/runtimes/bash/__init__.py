"""Bash scripts: one process, positional parameters, result.json or the last line of stdout."""
