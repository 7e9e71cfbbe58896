"""Releases of workspaces, and their deployment to environments."""
