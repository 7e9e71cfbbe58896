"""Globs of file names."""

from __future__ import annotations

import pytest

from orvanta_platform.cli.client import globs


@pytest.mark.parametrize(
    ("glob", "name", "expected"),
    [
        ("**/*_test.py", "f/a/total_test.py", True),
        ("**/*_test.py", "total_test.py", True),
        ("**/*_test.py", "f/a/total.py", False),
        ("f/**", "f/a/b.py", True),
        ("f/*", "f/a/b.py", False),
        ("f/{a,b}/?.py", "f/b/x.py", True),
        ("f/{a,b}/?.py", "f/c/x.py", False),
        ("f/a/**/c", "f/a/c", True),
        ("{" * 50, "{" * 50, True),
        # A search with backtracking would not end.
        ("**/*/" * 30 + "x", "a/" * 60 + "y", False),
        ("*a" * 60, "a" * 200 + "b", False),
        ("{a,b}" * 40, "a" * 40, False),
    ],
)
def test_glob_matches_whole_names(glob: str, name: str, expected: bool) -> None:
    assert any(globs.matches(each, name) for each in globs.parse(glob)) is expected
