"""Workspaces bound to a branch of a Git repository: deployments become commits, commits become plans to apply."""
