"""Execution of one job from its specification, without database or queue."""
