"""Commands that use the public API of a server, from any machine."""
