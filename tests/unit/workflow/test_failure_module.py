"""Nodes inside the failure module: validated, referenced, compared and subject to policies like all others."""

from __future__ import annotations

from typing import Any

from orvanta_platform.workflow.diff import compare
from orvanta_platform.workflow.importers.node_values import expression_script, throwing
from orvanta_platform.workflow.node_references import node_references
from orvanta_platform.workflow.policies.subject import subject_of_flow
from orvanta_platform.workflow.validate import validate

DEFAULT = "/value/failure_module/value/default"


def workflow(*handlers: dict[str, Any]) -> dict[str, Any]:
    """Return a workflow whose failure module is a branch with these nodes."""
    failure = {"id": "failure", "value": {"type": "branchone", "branches": [], "default": list(handlers)}}
    return {"value": {"modules": [{"id": "a", "value": {"type": "identity"}}], "failure_module": failure}}


def computed(id: str, expr: str) -> dict[str, Any]:
    return {"id": id, "value": expression_script(expr)}


def test_nodes_inside_failure_module_are_validated() -> None:
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1]}, "modules": [{"id": "z", "value": {}}]}
    document = workflow(
        {"id": "a", "value": {"type": "identity"}},
        {"id": "b", "value": {"type": "identity"}, "needs": ["ghost"]},
        {"id": "c", "value": loop},
        computed("d", throwing("x")),
    )
    found = {(each.code, each.path.removeprefix(DEFAULT)) for each in validate(document)}
    assert found == {
        ("duplicate_id", "/0/id"),
        ("unknown_node", "/1/needs/0"),
        ("missing_key", "/2/value/modules/0/value"),
        ("not_converted", "/3/value/input_transforms/value/expr"),
    }


def test_nodes_inside_failure_module_read_results_of_the_top_level() -> None:
    inner = [computed("x", "results.a + error.message"), computed("y", "results.x"), computed("z", "results.later")]
    document = workflow(*inner, computed("later", "1"))
    document["value"]["modules"].append(computed("b", "results.x"))
    found = [(each.code, each.node) for each in validate(document)]
    assert found == [("not_an_ancestor", "b"), ("not_an_ancestor", "z")]


def test_nodes_inside_failure_module_refer_to_items() -> None:
    document = workflow({"id": "x", "value": {"type": "script", "path": "f/a/alert", "input_transforms": {}}})
    assert [(each.node, each.path) for each in node_references(document)] == [("x", "f/a/alert")]


def test_policies_apply_inside_failure_module() -> None:
    parts = subject_of_flow("f/a/b", workflow(computed("x", "1"))).parts["node"]
    assert [(each.node, each.path) for each in parts] == [
        ("a", "/value/modules/0"),
        ("x", f"{DEFAULT}/0"),
        ("failure", "/value/failure_module"),
    ]


def test_changes_inside_failure_module_are_compared() -> None:
    before, after = workflow(computed("x", "1"), computed("y", "1")), workflow(computed("x", "2"), computed("z", "2"))
    found = compare(before, after)
    assert [each.id for each in found.changed] == ["x"]
    assert [(each.id, each.place) for each in (*found.added, *found.removed)] == [
        ("z", "failure/default"),
        ("y", "failure/default"),
    ]
