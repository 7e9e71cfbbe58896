"""Checks of calls between workflows: cycles and deep chains are refused, and each workflow is visited once."""

from __future__ import annotations

import pytest

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.services.runs.pinning import MAX_DEPTH, _refuse_depth


def chain(length: int) -> dict[str, list[str]]:
    names = ["", *(f"f/a/{n}" for n in range(length))]
    return {name: names[at + 1 : at + 2] for at, name in enumerate(names)}


def check(calls: dict[str, list[str]]) -> None:
    """Check calls between workflows that all act for the same member."""
    _refuse_depth({("", path): [("", called) for called in named] for path, named in calls.items()})


def test_graph_with_billions_of_paths_is_checked_per_node() -> None:
    """Each level has three workflows that call all three of the next: 3 to the power of 20 chains."""
    levels = [[f"f/a/{level}_{n}" for n in range(3)] for level in range(MAX_DEPTH)]
    calls = {"": levels[0]}
    for above, below in zip(levels, [*levels[1:], []], strict=True):
        calls |= dict.fromkeys(above, below)
    check(calls)
    calls |= {path: ["f/a/last"] for path in levels[-1]} | {"f/a/last": []}
    with pytest.raises(InvalidWorkflow, match="more than 20 deep"):
        check(calls)


def test_chain_of_maximum_depth_is_accepted() -> None:
    check(chain(MAX_DEPTH))
    with pytest.raises(InvalidWorkflow, match="more than 20 deep"):
        check(chain(MAX_DEPTH + 1))


def test_deep_chain_is_found_behind_a_shorter_path() -> None:
    calls = chain(MAX_DEPTH) | {"": ["f/a/5", "f/a/extra"], "f/a/extra": ["f/a/0"]}
    with pytest.raises(InvalidWorkflow, match="more than 20 deep"):
        check(calls)


def test_cycle_is_reported() -> None:
    calls = chain(3) | {"f/a/2": ["f/a/1"]}
    with pytest.raises(InvalidWorkflow, match=r"calls itself: f/a/0 → f/a/1 → f/a/2 → f/a/1"):
        check(calls)
