"""Packages of scripts: locked, installed once per workspace and lock, and stored read-only by content."""
