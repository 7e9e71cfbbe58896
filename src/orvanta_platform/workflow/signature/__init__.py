"""The inputs of a script as a JSON Schema: read from its text, which is never imported. Pure."""
