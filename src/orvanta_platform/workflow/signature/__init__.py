"""Inputs of a script as a JSON Schema, determined from its text, which is never imported."""
