"""Readable results of a node: those of ended ancestors, and the sources of previous_result."""

from __future__ import annotations

from collections.abc import Iterable

from orvanta_platform.engine.edge_propagation import is_taken
from orvanta_platform.engine.plan import Join, Plan
from orvanta_platform.engine.state import OUTCOMES, Mark, RunState


def previous_sources(plan: Plan, state: RunState, index: int) -> tuple[int, ...]:
    """Return the indexes of the nodes whose edges let this one start, ascending; none means the flow input.

    For join any this is the source of the first taken edge, regardless of later ones. For the failure module it is the
    first unhandled failure.
    """
    if index == len(plan.nodes):
        return state.unhandled()[:1]
    if index > len(plan.nodes):
        return ()
    node = plan.nodes[index]
    if node.join is Join.ANY and index in state.chosen:
        return (node.edges[state.chosen[index]].source,)
    return tuple(sorted({edge.source for edge in node.edges if is_taken(state.nodes, edge)}))


def is_preprocessed(plan: Plan, state: RunState) -> bool:
    """Return whether the run's input is the result of its preprocessor."""
    index = plan.preprocessor.index if plan.preprocessor is not None else len(state.nodes)
    return index < len(state.nodes) and state.nodes[index] == Mark.SUCCEEDED


def visible(plan: Plan, state: RunState, index: int, names: Iterable[str] | None = None) -> dict[str, int]:
    """Return the nodes whose results the node at `index` may read, id → index: ancestors that succeeded or failed.

    The failure module and `output` (index `len(plan.nodes)`) read every node. `names` limits the result, and the work,
    to the ids that an expression uses. Every other id reads as null.
    """
    if index > len(plan.nodes):
        return {}
    every = (1 << len(plan.nodes)) - 1
    ancestors = every if index == len(plan.nodes) else plan.nodes[index].ancestors
    if names is None:
        return {node.id: node.index for node in plan.nodes if _readable(state, ancestors, node.index)}
    found = ((name, plan.indexes.get(name)) for name in names)
    return {name: at for name, at in found if at is not None and _readable(state, ancestors, at)}


def _readable(state: RunState, ancestors: int, index: int) -> bool:
    mark = state.nodes[index]
    return bool(ancestors >> index & 1) and mark in OUTCOMES and mark not in (Mark.SKIPPED, Mark.CANCELLED)
