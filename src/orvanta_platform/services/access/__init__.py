"""Accounts, sessions, tokens, members, groups, folders and workspaces."""
