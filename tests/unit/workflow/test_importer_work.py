"""The work of converting a workflow of n8n grows with its nodes, not with their square."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest

from orvanta_platform.workflow import importers
from orvanta_platform.workflow.importers import findings
from orvanta_platform.workflow.importers.n8n import convert

FOLDER = importers.__path__[0]
FIRST, MORE = 200, 4
"""Number of nodes of the smaller workflow, and how many times as many the larger one has."""
Tree = dict[str, Any]


@contextmanager
def counted() -> Iterator[list[int]]:
    """Count the lines of the importers that are executed, those of a loop in each iteration."""
    count = [0]

    def line(_frame: FrameType, event: str, _value: object) -> Any:
        count[0] += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, _event, _value: line if frame.f_code.co_filename.startswith(FOLDER) else None)
    try:
        yield count
    finally:
        sys.settrace(before)


def node(name: str, kind: str, **parameters: Any) -> Tree:
    return {"name": name, "type": f"n8n-nodes-base.{kind}", "typeVersion": 3, "parameters": parameters}


def edge(name: str) -> Tree:
    return {"node": name, "type": "main", "index": 0}


def setting(name: str) -> Tree:
    """Return a node that refers to the first one."""
    value = "={{ $json.a }} {{ $('n0').item.json.b }}"
    return node(name, "set", assignments={"assignments": [{"name": "a", "value": value, "type": "string"}]})


def code(name: str) -> Tree:
    return node(name, "code", jsCode="for (const item of $input.all()) item.json.x = $('n0').first();\nreturn items;")


def chain(nodes: list[Tree]) -> Tree:
    """Return a workflow in which each node follows the one before it."""
    ends = {one["name"]: {"main": [[edge(other["name"])]]} for one, other in pairwise(nodes)}
    return {"name": "x", "nodes": nodes, "connections": ends}


def settings(size: int) -> Tree:
    return chain([node("start", "webhook", path="x"), *(setting(f"n{n}") for n in range(size))])


def codes(size: int) -> Tree:
    return chain([node("start", "webhook", path="x"), *(code(f"n{n}") for n in range(size))])


def without_equivalent(size: int) -> Tree:
    return chain([node("start", "webhook", path="x"), *(node(f"n{n}", "crm") for n in range(size))])


def with_equal_ids(size: int) -> Tree:
    return chain([node("start", "webhook", path="x"), *(node(chr(0x4E00 + n), "noOp") for n in range(size))])


def branches(size: int) -> Tree:
    """Return a workflow in which the first node leads to all others, and these to the last."""
    names = [f"n{n}" for n in range(size)]
    ends = {"start": {"main": [[edge(name) for name in names]]}}
    ends |= {name: {"main": [[edge("last")]]} for name in names}
    nodes = [node("start", "webhook", path="x"), *map(setting, names), node("last", "noOp")]
    return {"name": "x", "nodes": nodes, "connections": ends}


def ends(size: int) -> Tree:
    found = branches(size)
    found["connections"] = {"start": found["connections"]["start"]}
    return found


def unreachable(size: int) -> Tree:
    found = settings(size)
    return {**found, "connections": {}}


def merged(size: int) -> Tree:
    """Return a workflow whose nodes lead to inputs of their own of the last one; one names an input far away."""
    found = branches(size)
    found["nodes"][-1] = node("last", "merge")
    for n in range(size):
        found["connections"][f"n{n}"]["main"][0][0]["index"] = n
    found["connections"]["n0"]["main"][0][0]["index"] = 10**9
    return found


def loops(size: int) -> Tree:
    """Return a chain of loops over items, each with one node in its body."""
    nodes = [node("start", "webhook", path="x")]
    found: Tree = {}
    before, output = "start", 0
    for n in range(size // 2):
        loop, inner = f"loop{n}", f"n{n}"
        nodes += [node(loop, "splitInBatches", batchSize=1), setting(inner)]
        found.setdefault(before, {"main": [[], []]})["main"][output].append(edge(loop))
        found[loop] = {"main": [[], [edge(inner)]]}
        found[inner] = {"main": [[edge(loop)]]}
        before = loop
    return {"name": "x", "nodes": nodes, "connections": found}


@pytest.mark.parametrize(
    "tree", [settings, codes, without_equivalent, with_equal_ids, branches, ends, unreachable, merged, loops]
)
def test_work_grows_with_the_nodes(tree: Callable[[int], Tree], monkeypatch: pytest.MonkeyPatch) -> None:
    # The YAML library is linear, but takes minutes while lines are counted.
    monkeypatch.setattr(findings, "write_yaml", str)
    work = []
    for size in (FIRST, FIRST * MORE):
        whole = tree(size)
        with counted() as count:
            assert convert(whole, "f/a/b", {}).nodes == len(whole["nodes"])
        work.append(count[0])
    assert work[1] < 1.5 * MORE * work[0], work
