"""The memory limit of the cache of recent values, which also applies to small values."""

from __future__ import annotations

import tracemalloc
from uuid import uuid4

import pytest

from orvanta_platform.orchestrator.value_cache import MAX_BYTES, MAX_VALUE_BYTES, RecentValues


@pytest.mark.extended
@pytest.mark.parametrize("size", [4, 100, 10_000, MAX_VALUE_BYTES])
def test_memory_is_bounded(size: int) -> None:
    recent = RecentValues()
    count = min(5 * MAX_BYTES // size, 50_000)
    tracemalloc.start()
    try:
        for place in range(count):
            recent.put((uuid4(), "result", ""), b"x" * (size - 4) + b"%04d" % (place % 10_000))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 1.1 * MAX_BYTES


def test_latest_values_are_cached() -> None:
    recent = RecentValues()
    keys = [(uuid4(), "result", "") for _ in range(200)]
    for key in keys:
        recent.put(key, b"x" * 50_000)
    assert recent.get(keys[0]) is None
    assert all(recent.get(key) is not None for key in keys[-50:])
