"""Items of loops, which are parsed once and then found by index."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from orvanta_platform.orchestrator import iterations
from orvanta_platform.orchestrator.iterations import Items

LOOP, OTHER = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    "values", [[], [1], [None, "a,b", [1, [2]], {"x": [1, "]"]}, 1.5, True], ["\ud800", "x"], [[[]]], list(range(100))]
)
def test_each_item_is_found_by_its_index(values: list[object]) -> None:
    items = Items()
    raw = json.dumps(values, indent=1).encode()
    assert items.at(LOOP, 0) is None
    found = [json.loads(items.cut(LOOP, raw, place)) for place in range(len(values))]
    assert found == values
    assert items.cut(LOOP, b"[]", len(values)) == b"null"


def test_array_of_million_iterations_is_read_once() -> None:
    """Otherwise, a loop of n items would parse the array n times."""
    items = Items()
    raw = json.dumps(list(range(1_000_000))).encode()
    assert items.cut(LOOP, raw, 0) == b"0"
    assert [items.at(LOOP, place) for place in (1, 999_999, 1_000_000)] == [b"1", b"999999", b"null"]


def test_least_recently_read_array_is_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iterations, "MAX_BYTES", 100)
    items = Items()
    raw = json.dumps([1] * 6).encode()
    for loop in (LOOP, OTHER):
        items.cut(loop, raw, 0)
    assert items.at(LOOP, 0) is None and items.at(OTHER, 0) == b"1"
    items.cut(LOOP, json.dumps([1] * 1_000).encode(), 0)
    assert items.at(LOOP, 999) == b"1" and items.at(OTHER, 0) is None
