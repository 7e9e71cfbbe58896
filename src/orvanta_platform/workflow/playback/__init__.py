"""Tests of workflows: recorded answers of the nodes, and expectations."""
