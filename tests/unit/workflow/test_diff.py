"""Differences between two documents, with cases shared by the editor's comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orvanta_platform.workflow.diff import Difference, compare, differing

CASES = sorted(Path(__file__).with_name("diffs").glob("*.json"))
GOLDEN = sorted(Path(__file__).with_name("golden").glob("*.json"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab/~", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=12,
)


def shown(difference: Difference) -> dict[str, Any]:
    """Return the difference as the API does, without empty members."""
    return {key: value for key, value in msgspec.to_builtins(difference).items() if value or key == "same"}


def node(node_id: str, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "value": {"type": "identity"}, **more}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_differences(case: Path) -> None:
    recorded = json.loads(case.read_text())
    found = msgspec.json.decode(msgspec.json.encode(shown(compare(recorded["before"], recorded["after"]))))
    assert found == recorded["difference"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_additions_are_removals_in_reverse(case: Path) -> None:
    recorded = json.loads(case.read_text())
    there, back = compare(recorded["before"], recorded["after"]), compare(recorded["after"], recorded["before"])
    assert (there.same, there.added, there.removed) == (back.same, back.removed, back.added)
    assert [(each.before, each.after) for each in there.renamed] == [(each.after, each.before) for each in back.renamed]
    assert there.document == back.document and len(there.changed) == len(back.changed)


@pytest.mark.parametrize("document", GOLDEN, ids=lambda document: document.stem)
def test_document_equals_itself(document: Path) -> None:
    tree = json.loads(document.read_text())
    assert shown(compare(tree, tree)) == {"same": True}


@given(JSON, JSON)
def test_anything_can_be_compared(one: Any, other: Any) -> None:
    for before, after in (
        ({"value": one}, {"value": other}),
        ({"value": {"modules": one}}, {"value": {"modules": other}}),
    ):
        assert compare(before, before).same
        compare(before, after)
    assert (list(differing(one, other)) == []) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@pytest.mark.extended
def test_thousands_of_renamed_nodes_are_matched_quickly() -> None:
    many = range(5_000)
    before = {"value": {"modules": [node(f"a{each}", needs=[]) for each in many]}}
    after = {"value": {"modules": [node(f"b{each}", needs=[]) for each in many]}}
    found = compare(before, after)
    assert len(found.renamed) == 5_000 and not (found.added or found.removed or found.changed)


class CountedId(str):
    """An id that counts how often it is looked up."""

    lookups = 0

    def __hash__(self) -> int:
        CountedId.lookups += 1
        return str.__hash__(self)


def test_nodes_that_move_and_are_renamed_are_matched_in_linear_time() -> None:
    """Each of a document's 5,000 nodes is sought among all that have the same content, in its list and in others."""
    many = range(500)
    before = {"value": {"modules": [node(CountedId(f"a{each}")) for each in many]}}
    loop = {"type": "forloopflow", "modules": [node(CountedId(f"b{each}")) for each in many]}
    CountedId.lookups = 0
    found = compare(before, {"value": {"modules": [{"id": "loop", "value": loop}]}})
    assert CountedId.lookups < 80 * 500
    assert [(each.before, each.after) for each in found.renamed] == [(f"a{each}", f"b{each}") for each in many]
