"""Propagation of a node's end along its edges: taken and dead edges, joins and skips.

Between the steps of a running run, no pending node with join all has a dead edge, none with join any has a taken one,
and none has only ended sources. Therefore only the nodes after those that ended in this step are evaluated. Skips
propagate through a work list, not by recursion.
"""

from __future__ import annotations

from orvanta_platform.engine.plan import Edge, Join
from orvanta_platform.engine.state import OUTCOMES, Mark
from orvanta_platform.engine.step import Step


def propagate(step: Step) -> None:
    """Evaluate the edges of every node that ended: skip nodes that cannot run, add those that may start to `ready`."""
    nodes, plan_nodes = step.nodes, step.plan.nodes
    while step.ended:
        source = step.ended.popleft()
        outcomes = OUTCOMES[nodes[source]]
        for target in plan_nodes[source].targets:
            if nodes[target.index] == Mark.PENDING:
                _JOINS[plan_nodes[target.index].join](step, target.index, source, target.on in outcomes)


def _all(step: Step, index: int, source: int, taken: bool) -> None:
    if not taken:
        _skip(step, index)
        return
    edges = step.plan.nodes[index].edges
    # Sources usually end in document order, sometimes in reverse order: the first or the last edge is open longest.
    if is_taken(step.nodes, edges[0]) and all(is_taken(step.nodes, edge) for edge in reversed(edges)):
        step.ready.add(index)


def _settled(step: Step, index: int, source: int, taken: bool) -> None:
    edges = step.plan.nodes[index].edges
    if any(step.nodes[edge.source] not in OUTCOMES for edge in reversed(edges)):
        return
    if taken or any(is_taken(step.nodes, edge) for edge in edges):
        step.ready.add(index)
    else:
        _skip(step, index)


def _any(step: Step, index: int, source: int, taken: bool) -> None:
    edges = step.plan.nodes[index].edges
    if taken:
        if index not in step.chosen:
            place = next(i for i, edge in enumerate(edges) if edge.source == source and is_taken(step.nodes, edge))
            step.choose(index, place)
            step.ready.add(index)
    elif index not in step.chosen and all(_is_dead(step.nodes, edge) for edge in reversed(edges)):
        _skip(step, index)


_JOINS = {Join.ALL: _all, Join.SETTLED: _settled, Join.ANY: _any}


def is_taken(nodes: bytes | bytearray, edge: Edge) -> bool:
    """Return whether the edge's source ended with the edge's outcome."""
    return edge.on in OUTCOMES.get(nodes[edge.source], ())


def _is_dead(nodes: bytearray, edge: Edge) -> bool:
    outcomes = OUTCOMES.get(nodes[edge.source])
    return outcomes is not None and edge.on not in outcomes


def _skip(step: Step, index: int) -> None:
    step.mark(index, Mark.SKIPPED)
    step.ended.append(index)
