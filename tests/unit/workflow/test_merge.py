"""Merging of two changes of one item, node by node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orvanta_platform.workflow import document
from orvanta_platform.workflow.tree.merge import merge, merge_content

BASE = """\
# totals
summary: Report
value:
  modules:
    - id: a # first
      value: {type: identity}
    - id: b
      summary: Second
      value:
        type: rawscript
        content: |
          echo 1
          echo 2
        language: bash
    - id: each
      value:
        type: forloopflow
        modules:
          - id: inner
            value: {type: identity}
"""


def node(text: str) -> dict[str, Any]:
    return {"text": text}


def ids(names: str) -> list[dict[str, str]]:
    return [{"id": name} for name in names]


def test_changes_of_different_nodes_are_both_kept() -> None:
    mine = BASE.replace("echo 1", "echo mine").replace("summary: Report", "summary: My report")
    theirs = (
        BASE.replace("summary: Second", "summary: Theirs")
        .replace(
            "          - id: inner\n",
            "          - id: added\n            value: {type: identity}\n          - id: inner\n",
        )
        .replace("    - id: each", "    - id: c\n      value: {type: identity}\n    - id: each")
    )
    merged, places = merge_content("flow", node(BASE), node(mine), node(theirs))
    text = merged["text"]
    assert places == []
    assert "# totals\nsummary: My report" in text and "- id: a # first" in text
    assert "summary: Theirs" in text and "        content: |\n          echo mine\n          echo 2\n" in text
    tree = document.parse(text.encode(), "yaml").tree
    assert [each["id"] for each in tree["value"]["modules"]] == ["a", "b", "c", "each"]
    assert [each["id"] for each in tree["value"]["modules"][3]["value"]["modules"]] == ["added", "inner"]


def test_same_place_changed_twice_is_a_conflict() -> None:
    mine, theirs = BASE.replace("echo 1", "echo mine"), BASE.replace("echo 1", "echo theirs")
    merged, places = merge_content("flow", node(BASE), node(mine), node(theirs))
    assert places == ["/value/modules/b/value/content"] and merged["text"] == mine
    start, end = BASE.index("    - id: b"), BASE.index("    - id: each")
    removed = BASE[:start] + BASE[end:]
    assert merge_content("flow", node(BASE), node(mine), node(removed))[1] == ["/value/modules/b"]
    assert merge_content("flow", node(BASE), node(BASE), node(removed))[0]["text"] == removed


def test_changes_that_are_wrong_only_together_are_a_conflict() -> None:
    """Both sides moved one node; one side uses a node that the other removed."""
    moved = "    - id: a # first\n      value: {type: identity}\n"
    assert moved in BASE
    loop = "    - id: each2\n      value:\n        type: forloopflow\n        modules:\n"
    inner = "          - id: a\n            value: {type: identity}\n"
    base = f"{BASE}{loop}          - id: other\n            value: {{type: identity}}\n"
    rest = base.replace(moved, "")
    mine, theirs = rest.replace(loop, inner + loop), rest.replace(loop, loop + inner)
    assert merge_content("flow", node(base), node(mine), node(theirs))[1] == ["/value/modules/a"]
    uses = f"{BASE}    - id: late\n      needs: [a]\n      value: {{type: identity}}\n"
    removed = BASE.replace(moved, "")
    assert merge_content("flow", node(BASE), node(removed), node(uses))[1] == ["/value/modules/late"]


def test_comments_of_the_side_that_changed_them_are_preserved() -> None:
    theirs = BASE.replace("# totals", "# totals of a day").replace("    - id: b", "    # before b\n    - id: b")
    theirs = theirs.replace("summary: Second", "summary: Theirs # new").replace("echo 2", "echo 2 # code")
    mine = BASE.replace("summary: Report", "summary: My report")
    for merged, places in (
        merge_content("flow", node(BASE), node(mine), node(theirs)),
        merge_content("flow", node(BASE), node(theirs), node(mine)),
    ):
        assert (merged["text"], places) == (theirs.replace("summary: Report", "summary: My report"), [])
    other = mine.replace("# first", "# other")
    merged, places = merge_content("flow", node(BASE), node(other), node(theirs))
    assert places == ["comments"] and "# other" in merged["text"]
    base = "summary: |\n  First\nvalue: {modules: []}\n"
    noted = base.replace("|", "| # noted")
    assert merge_content("flow", node(base), node(base.replace("First", "Mine")), node(noted)) == (
        {"text": noted.replace("First", "Mine")},
        [],
    )
    same = merge_content("flow", node(BASE), node(theirs), node(theirs.replace("summary: Report", "summary: Mine")))
    assert same[1] == [] and "# before b" in same[0]["text"] and "summary: Mine" in same[0]["text"]


def test_comments_of_nodes_that_one_side_removed_are_no_conflict() -> None:
    names = ("a", "b", "c")
    lines = [f"    - {{id: {name}, value: {{type: identity}}}} # {name}\n" for name in names]
    head = "summary: Report\nvalue:\n  modules:\n"
    base, mine, theirs = (node(head + "".join(part)) for part in (lines[:2], lines[:1], lines))
    merged = node(head + lines[0] + lines[2])
    assert merge_content("flow", base, mine, theirs) == (merged, [])
    assert merge_content("flow", base, theirs, mine) == (merged, [])


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged", "places"),
    [
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1}, {"a": 2}, []),
        ({}, {"x": 1}, {"x": 2}, {"x": 1}, ["/x"]),
        ({"x": True}, {"x": 1}, {"x": True}, {"x": 1}, []),
        ({"x": {"y": True}}, {"x": {"y": True}}, {"x": {"y": 1}}, {"x": {"y": 1}}, []),
        ({"l": [1]}, {"l": [1, 2]}, {"l": [0, 1]}, {"l": [1, 2]}, ["/l"]),
        (ids("ab"), ids("abc"), ids("ba"), ids("bac"), []),
        (ids("a"), ids("am"), ids("ta"), ids("tam"), []),
        (ids("ab"), ids("bm"), ids("a"), ids("m"), []),
        (ids("abc"), ids("bac"), ids("acb"), ids("bac"), [""]),
        (ids("abc"), ids("bacm"), ids("bac"), ids("bacm"), []),
        ({"l": ids("abc")}, {"l": ids("cab")}, {"l": ids("abtc")}, {"l": ids("cabt")}, []),
        ({"l": ids("abcd")}, {"l": ids("bacd")}, {"l": ids("bca")}, {"l": ids("bac")}, ["/l"]),
    ],
)
def test_values_are_merged(base: Any, mine: Any, theirs: Any, merged: Any, places: list[str]) -> None:
    # As JSON, because true equals 1 in Python.
    assert json.dumps(merge(base, mine, theirs)) == json.dumps([merged, places])


class CountedText(str):
    """A text that counts its comparisons."""

    comparisons = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountedText.comparisons += 1
        return str.__eq__(self, other)


def test_nodes_are_merged_in_linear_time() -> None:
    """A resource can have hundreds of thousands of objects with ids, and every plan of incoming changes merges it."""
    base = [{"id": CountedText(n)} for n in range(500)]
    wanted = [*range(500, 1000), *reversed(range(500))]
    mine = [{"id": CountedText(n), "mine": True} for n in range(500)]
    theirs = [{"id": CountedText(n)} for n in wanted]
    CountedText.comparisons = 0
    merged, places = merge(base, mine, theirs)
    assert CountedText.comparisons < 30 * 500
    assert ([each["id"] for each in merged], places) == ([*map(str, wanted)], [])
