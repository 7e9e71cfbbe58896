"""Commands that work on a server through its public API, from any machine."""
