"""Crash points name existing functions: a process in which one is missing would run without crash points."""

from __future__ import annotations

import functools
import re
from importlib import import_module
from pathlib import Path

POINTS = Path(__file__).parent / "points" / "sitecustomize.py"


def test_crash_points_name_existing_functions() -> None:
    places = re.findall(r'wrap\("([\w.]+):([\w.]+)"', POINTS.read_text())
    assert len(places) > 20
    for module, path in places:
        owner = import_module(f"orvanta_platform.{module}")
        assert callable(functools.reduce(getattr, path.split("."), owner)), f"{module}:{path}"
