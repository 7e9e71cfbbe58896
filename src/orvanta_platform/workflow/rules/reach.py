"""Results that an expression reads but never gets, because their node is not an ancestor of the reader."""

from __future__ import annotations

from collections.abc import Iterator

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import Graph, Node
from orvanta_platform.workflow.kinds import LOOPS
from orvanta_platform.workflow.subject import VALUE_PATH, ListedNode, Subject, Use, diagnostic


def reach(subject: Subject) -> Iterator[Diagnostic]:
    """not_an_ancestor, result_of_loop, error_always_null."""
    for use in subject.uses:
        if not _has_error(use) and (roots := {"error", "errors"} & use.reads.keys()):
            message = f"{min(roots)} in {use.path} is always null: it is set in the failure module, `retry_if`, "
            message += "`stop_after_if` and `export`; after continue_on_error read previous_result.error"
            yield diagnostic("error_always_null", "warning", use.listed, use.path, message)
        for node_id in sorted(use.reads.get("results") or ()):
            if _reachable(subject.graph, use, node_id):
                continue
            holders = _readable_holders(subject.graph, use, node_id)
            if holders is None:
                known = node_id in subject.graph.positions
                reason = "is not an ancestor of this node" if known else "is not a node of this workflow"
                message = f"results.{node_id} in {use.path} is always null: {node_id} {reason}"
                yield diagnostic("not_an_ancestor", "warning", use.listed, use.path, message)
            elif loop := next((each for each in holders if each.kind in LOOPS), None):
                message = f"results.{node_id} in {use.path} is null unless the loop {loop.id} has a single iteration"
                message += f": read results.{loop.id}, which has the results of all iterations"
                yield diagnostic("result_of_loop", "warning", use.listed, use.path, message)


def _has_error(use: Use) -> bool:
    """Return whether an expression has `error`, or possibly does not read it: JavaScript may declare the name."""
    if use.expr is None or use.listed is None or use.own:
        return True
    return use.path.startswith(f"{VALUE_PATH}/failure_module")


def _readable_holders(graph: Graph, use: Use, node_id: str) -> list[Node] | None:
    """Return the nodes around a node, from the outermost inwards, of which the first can be read; None if none can."""
    found = graph.positions.get(node_id)
    holders = [] if found is None else [*graph.holders(found[0])]
    for position, holder in enumerate(holders):
        if holder is not (use.listed and use.listed.node) and _reachable(graph, use, holder.id):
            return holders[position::-1]
    return None


def _reachable(graph: Graph, use: Use, node_id: str) -> bool:
    found = graph.positions.get(node_id)
    if found is None:
        return False
    if use.listed is None:
        return found[0] == 0 and use.path.startswith(f"{VALUE_PATH}/output")
    if use.listed.list_index is None:
        return found[0] == 0 and use.listed.node is graph.failure
    if use.own and graph.find(node_id) is use.listed.node:
        return True
    return _is_ancestor(graph, use.listed, found)


def _is_ancestor(graph: Graph, listed: ListedNode, found: tuple[int, int]) -> bool:
    """Return whether `found` is an ancestor of the node or of a node around it, or in a while loop around it."""
    list_index, node = listed.list_index, listed.node
    while list_index is not None:
        each = graph.lists[list_index]
        holder = None if each.holder is None else graph.lists[each.holder[0]].nodes[each.holder[1]]
        if found[0] == list_index:
            return bool(node.ancestors >> found[1] & 1) or (holder is not None and holder.kind == "whileloopflow")
        if holder is None or each.holder is None:
            return each.in_failure_module and found[0] == 0
        list_index, node = each.holder[0], holder
    return False
