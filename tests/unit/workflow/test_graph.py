"""Graph: edges, starts, ancestors, sinks, cycles, bodies."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.workflow.graph import Graph, NodeList, build
from orvanta_platform.workflow.order import cycles, topological


def node(node_id: str, kind: str = "identity", **rest: Any) -> dict[str, Any]:
    value = {"type": kind, **rest.pop("value", {})}
    return {"id": node_id, "value": value, **rest}


def on(source: str, outcome: str) -> dict[str, str]:
    return {"node": source, "on": outcome}


def flow(*modules: dict[str, Any], **rest: Any) -> Graph:
    return build({"modules": list(modules), **rest})


def edges(each: NodeList) -> set[tuple[str, str, str]]:
    ids = [item.id for item in each.nodes]
    return {(ids[edge.source], edge.on, ids[edge.target]) for item in each.nodes for edge in item.incoming}


def ids(each: NodeList, indexes: tuple[int, ...]) -> list[str]:
    return [each.nodes[index].id for index in indexes]


def test_plain_list_is_a_chain_on_success() -> None:
    top = flow(node("a"), node("b"), node("c")).top
    assert edges(top) == {("a", "success", "b"), ("b", "success", "c")}
    assert not top.is_graph
    assert ids(top, top.starts) == ["a"]
    assert top.ids(top.nodes[2].ancestors) == ("a", "b")
    assert all(edge.implicit for item in top.nodes for edge in item.incoming)


def test_needs_replace_the_sibling_before() -> None:
    top = flow(
        node("a"), node("b", needs=[]), node("c", needs=["a", on("b", "always")]), node("d"), node("e", needs=None)
    ).top
    assert edges(top) == {
        ("a", "success", "c"),
        ("b", "always", "c"),
        ("c", "success", "d"),
        ("d", "success", "e"),
    }
    assert top.is_graph
    assert ids(top, top.starts) == ["a", "b"]
    assert top.ids(top.nodes[3].ancestors) == ("a", "b", "c")
    assert top.nodes[2].incoming[1].path == "/modules/2/needs/1"
    assert top.nodes[0].targets == (2,)


def test_boolean_outcome_is_read_as_text() -> None:
    top = flow(node("c", "condition"), node("a", needs=[{"node": "c", "on": True}])).top
    assert edges(top) == {("c", "true", "a")}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "identity"}, {"success", "failure", "always"}),
        ({"type": "forloopflow"}, {"success", "failure", "always"}),
        ({"type": "condition"}, {"success", "failure", "always", "true", "false"}),
        ({"type": "approval"}, {"success", "failure", "always", "approved", "rejected", "timeout"}),
    ],
)
def test_each_kind_has_its_outcomes(value: dict[str, Any], expected: set[str]) -> None:
    assert build({"modules": [{"id": "a", "value": value}]}).top.nodes[0].outcomes == expected


def test_node_with_continue_on_error_succeeds() -> None:
    (way_well, way_badly) = flow(node("a", continue_on_error=True)).top.nodes[0].ways
    assert way_well == way_badly == {"success", "always"}


def test_alert_on_a_failure_edge_is_not_a_main_sink() -> None:
    top = flow(
        node("work", needs=[]),
        node("alert", needs=[on("work", "failure")]),
        node("log", needs=["alert"]),
    ).top
    assert ids(top, top.main_sinks) == ["work"]
    assert ids(top, top.handling_sinks) == ["log"]


def test_join_after_both_paths_is_main_sink() -> None:
    top = flow(
        node("work", needs=[]),
        node("repair", needs=[on("work", "failure")]),
        node("end", needs=["work", "repair"], join="settled"),
    ).top
    assert ids(top, top.main_sinks) == ["end"]
    assert ids(top, top.handling_sinks) == []


def test_several_ends_are_several_main_sinks() -> None:
    top = flow(
        node("c", "condition", needs=[]),
        node("yes", needs=[on("c", "true")]),
        node("no", needs=[on("c", "false")]),
        node("any", needs=[on("c", "always")]),
    ).top
    assert ids(top, top.main_sinks) == ["yes", "no", "any"]


def test_every_cycle_is_found_with_all_its_nodes() -> None:
    top = flow(
        node("a", needs=["c"]),
        node("b", needs=["a"]),
        node("c", needs=["b"]),
        node("behind", needs=["c"]),
        node("self", needs=["self"]),
        node("free", needs=[]),
    ).top
    assert [ids(top, cycle) for cycle in top.cycles] == [["a", "b", "c"], ["self"]]
    assert ids(top, top.order) == ["free"]


def test_unresolved_edges_are_dangling() -> None:
    top = flow(node("a", needs=["ghost", 7, {"on": "success"}])).top
    assert [(edge.source_id, edge.path) for edge in top.dangling] == [
        ("ghost", "/modules/0/needs/0"),
        ("", "/modules/0/needs/1"),
        ("", "/modules/0/needs/2"),
    ]


def test_bodies_of_loops_and_branches_are_separate_lists() -> None:
    inner = node("inner", needs=[])
    branch = node(
        "branch",
        "branchone",
        value={"branches": [{"expr": "true", "modules": [inner]}], "default": [node("other")]},
    )
    graph = flow(node("first"), node("loop", "forloopflow", value={"modules": [branch]}))
    assert [each.path for each in graph.lists] == [
        "/modules",
        "/modules/1/value/modules",
        "/modules/1/value/modules/0/value/branches/0/modules",
        "/modules/1/value/modules/0/value/default",
    ]
    assert graph.lists[0].nodes[1].bodies == (1,)
    assert graph.lists[1].nodes[0].bodies == (2, 3)
    found = graph.find("inner")
    assert found is not None and found.path.endswith("/branches/0/modules/0")
    assert [holder.id for holder in graph.holders(2)] == ["branch", "loop"]
    assert graph.lists[2].is_graph and not graph.top.is_graph


def test_failure_module_belongs_to_no_list() -> None:
    graph = flow(node("a"), failure_module=node("failure", needs=["a"]))
    assert graph.failure is not None
    assert (graph.failure.path, graph.failure.incoming) == ("/failure_module", ())
    assert graph.find("failure") is None
    assert [each.id for each in graph.nodes()] == ["a", "failure"]


@pytest.mark.parametrize(
    "value",
    [{}, {"modules": None}, {"modules": [None, 1, "x", []]}, {"modules": [{}, {"id": 1, "value": 2}]}],
)
def test_broken_documents_are_read_as_far_as_possible(value: dict[str, Any]) -> None:
    assert all(each.id == "" for each in build(value).nodes())


def test_ancestors_in_chain_of_5000_nodes() -> None:
    top = flow(*(node(f"n{place}") for place in range(5000))).top
    assert top.nodes[4999].ancestors == (1 << 4999) - 1


def test_cycle_of_5000_nodes_needs_no_recursion() -> None:
    targets = [[(place + 1) % 5000] for place in range(5000)]
    assert cycles(targets) == [list(range(5000))]
    assert topological(targets, targets) == []
