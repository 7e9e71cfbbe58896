"""Policies: standards for workflows and scripts, as data, and their violations."""
