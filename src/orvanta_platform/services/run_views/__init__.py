"""Runs and jobs as people and programs see them."""
