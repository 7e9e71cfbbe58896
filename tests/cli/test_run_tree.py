"""Tree of the nodes of a run, built from its stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orvanta_platform.cli.client.live_screen import branches
from orvanta_platform.cli.client.run_tree import RunTree, about
from orvanta_platform.cli.client.runs import Node, Run

FIRST: dict[str, Any] = {
    "run_id": "1",
    "status": "running",
    "nodes": {
        "each": {"status": "running", "job": "j1", "bodies": {"running": 2, "succeeded": 3, "total": 9}},
        "last": {"status": "waiting", "waits": [{"reason": "awaiting approval"}, {"reason": "another"}]},
        "a": {"status": "running", "inside": "each", "counts": {"failed": 1, "running": 2}},
        "inner": {"status": "pending", "inside": "each", "counts": {}},
        "b": {"status": "pending", "inside": "inner", "counts": {}},
    },
}


@pytest.fixture
def tree() -> RunTree:
    known = Run(
        run_id="1", status="queued", workflow="f/x", nodes=[Node(id="each", status="queued", kind="forloopflow")]
    )
    made = RunTree(known)
    assert not made.take(json.dumps(FIRST).encode())
    return made


def test_inner_nodes_are_shown_below_container(tree: RunTree) -> None:
    assert [(node.id, node.depth) for node in tree.run.nodes] == [
        ("each", 0),
        ("a", 1),
        ("inner", 1),
        ("b", 2),
        ("last", 0),
    ]
    assert (tree.run.nodes[0].kind, tree.run.nodes[0].about) == ("forloopflow", "2 running, 3 succeeded of 9")
    assert (tree.run.workflow, [(wait.id, wait.reason) for wait in tree.run.waits]) == (
        "f/x",
        [("last", "awaiting approval")],
    )


def test_inner_nodes_are_indented_below_container(tree: RunTree) -> None:
    assert branches(tree.run.nodes) == ["", "├─ ", "└─ ", "   └─ ", ""]
    deep = [Node(id=str(depth), status="queued", depth=depth) for depth in (0, 1, 2, 1)]
    assert branches(deep) == ["", "├─ ", "│  └─ ", "└─ "]


def test_update_replaces_changed_nodes(tree: RunTree) -> None:
    change = {**FIRST, "status": "failed", "part": "x", "nodes": {"last": {"status": "failed", "error": "Rejected"}}}
    assert tree.take(json.dumps(change).encode())
    last = tree.run.nodes[-1]
    assert (tree.run.status, last.status, last.error, tree.run.waits) == ("failed", "failed", {"name": "Rejected"}, [])
    tree.errors["last"] = {"name": "Rejected", "message": "by ann"}
    tree.take(json.dumps(change).encode())
    assert tree.run.nodes[-1].error == {"name": "Rejected", "message": "by ann"}


def test_counts_are_shown_if_present() -> None:
    assert about({"status": "pending"}) == ""
    assert about({"bodies": {"succeeded": 1, "branch": "default"}}) == "1 succeeded, branch default"
    assert about({"counts": {"queued": 4}}) == "4 queued"
