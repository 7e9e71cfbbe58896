"""What the end of a node means for those after it: edges taken and dead, joins, skips.

Between steps of a run that goes on, no pending node with join all has a dead edge, none with join any a taken
one, and none has only ended sources. So only nodes behind what ended in this step are looked at, and a skip
spreads by a list of work, never by recursion.
"""

from __future__ import annotations

from orvanta_platform.engine.plan import Edge, Join
from orvanta_platform.engine.state import OUTCOMES, Mark
from orvanta_platform.engine.step import Step


def spread(step: Step) -> None:
    """Look at the edges of every node that ended; skip what cannot run, put what may begin into `ready`."""
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
    # Sources end mostly in the order of the document, some in the opposite one: an end of the edges is open longest.
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
    """Whether the edge's source ended with the outcome it is on."""
    return edge.on in OUTCOMES.get(nodes[edge.source], ())


def _is_dead(nodes: bytearray, edge: Edge) -> bool:
    outcomes = OUTCOMES.get(nodes[edge.source])
    return outcomes is not None and edge.on not in outcomes


def _skip(step: Step, index: int) -> None:
    step.mark(index, Mark.SKIPPED)
    step.ended.append(index)
