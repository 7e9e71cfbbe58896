"""Workflows and scripts: drafts, deployed versions, templates and validation."""
