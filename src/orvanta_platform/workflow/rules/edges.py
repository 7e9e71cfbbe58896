"""Edges: their sources, their outcomes, and cycles."""

from __future__ import annotations

from collections.abc import Iterator

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import Edge, NodeList
from orvanta_platform.workflow.kinds import FAILURE, OUTCOMES, SUCCESS
from orvanta_platform.workflow.subject import VALUE_PATH, ListedNode, Subject, diagnostic


def edges(subject: Subject) -> Iterator[Diagnostic]:
    """unknown_node, not_a_sibling, cyclic_graph, unknown_outcome, failure_edge_never, condition_success_edge."""
    for each in subject.graph.lists:
        yield from _dangling(subject, each)
        yield from _cycles(each)
        for node in each.nodes:
            for edge in node.incoming:
                yield from _outcome(each, edge)
    yield from _single_modules(subject)


def _dangling(subject: Subject, each: NodeList) -> Iterator[Diagnostic]:
    for edge in each.dangling:
        target = ListedNode(each.nodes[edge.target], each.index)
        if not edge.source_id:
            continue
        if edge.source_id in subject.graph.positions:
            message = f"it needs {edge.source_id}, which is not in the same list of nodes"
            yield diagnostic("not_a_sibling", "error", target, VALUE_PATH + edge.path, message)
        else:
            message = f"it needs {edge.source_id}, which is not a node of this workflow"
            yield diagnostic("unknown_node", "error", target, VALUE_PATH + edge.path, message)


def _cycles(each: NodeList) -> Iterator[Diagnostic]:
    for cycle in each.cycles:
        node = each.nodes[cycle[0]]
        inner_edge = next(edge for edge in node.incoming if edge.source in cycle)
        if len(cycle) == 1:
            message = "it needs itself"
        else:
            message = f"its needs form a cycle: {', '.join(each.nodes[index].id for index in cycle)}"
        listed = ListedNode(node, each.index)
        yield diagnostic("cyclic_graph", "error", listed, VALUE_PATH + inner_edge.path, message)


def _outcome(each: NodeList, edge: Edge) -> Iterator[Diagnostic]:
    source, target = each.nodes[edge.source], ListedNode(each.nodes[edge.target], each.index)
    if edge.on not in OUTCOMES:
        return
    path = VALUE_PATH + edge.path
    if edge.on not in source.outcomes:
        known = ", ".join(sorted(source.outcomes))
        message = f"it needs {source.id} on {edge.on}, but nodes of kind {source.kind} end with {known}"
        yield diagnostic("unknown_outcome", "error", target, path, message)
    elif edge.on == FAILURE and source.tree.get("continue_on_error") is True:
        message = f"it needs {source.id} on failure, but {source.id} continues on error and never ends with failure"
        yield diagnostic("failure_edge_never", "warning", target, path, message)
    elif edge.on == SUCCESS and source.kind == "condition":
        message = (
            f"it follows {source.id} on success, which a condition has on true and on false: "
            "choose true or false, or always to run after both"
        )
        yield diagnostic("condition_success_edge", "warning", target, path, message)


def _single_modules(subject: Subject) -> Iterator[Diagnostic]:
    """Check that the failure module and the preprocessor have no edges."""
    for key in ("failure_module", "preprocessor_module"):
        module = subject.value.get(key)
        if isinstance(module, dict) and module.get("needs"):
            listed = next(each for each in subject.listed_nodes if each.node.path == f"/{key}")
            message = "it is not part of a list and cannot need other nodes"
            yield diagnostic("not_a_sibling", "error", listed, f"{listed.path}/needs", message)
