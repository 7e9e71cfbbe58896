"""Benchmarks of the platform and its peers: `python -m bench p1 p2`. See docs/reference/benchmarks.md."""
