"""Packages of scripts: locked, installed from the lock once per workspace, kept read-only by content."""
