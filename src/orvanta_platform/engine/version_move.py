"""Moves of runs to another version of their workflow: the transferred state, or the reasons that prevent the move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from orvanta_platform.engine.edge_propagation import is_taken
from orvanta_platform.engine.plan import Join, Node, Plan
from orvanta_platform.engine.state import LIVE, MARK_STATE, OUTCOMES, Mark, Phase, RunState
from orvanta_platform.engine.states import NodeState, Status

V = TypeVar("V")

_WHOLE_RUN: Final = -1
"""Number in the erasures of a plan that stands for the whole run."""
_WITH_JOB: Final = frozenset({NodeState.QUEUED, NodeState.RUNNING})


class Obstacle(msgspec.Struct, frozen=True):
    """A reason why a run cannot be moved."""

    node: str | None
    """Node that it concerns; None: the whole run."""
    reason: str


class VersionMove(msgspec.Struct, frozen=True):
    """Outcome of a check whether a run can move to another version."""

    at: tuple[str, ...]
    """Nodes in progress."""
    next: tuple[str, ...]
    """Nodes of the new version that follow them if they succeed."""
    changed: tuple[str, ...]
    """Nodes that have run and are different in the new version; they do not run again."""
    obstacles: tuple[Obstacle, ...]
    state: RunState | None
    """State under the new plan; None if there are obstacles."""
    numbers: Mapping[int, int]
    """Numbers of the nodes in the new plan, by those in the old one."""


def check_move(old: Plan, new: Plan, state: RunState, executed: Sequence[int]) -> VersionMove:
    """Check whether a run can continue with another plan, and transfer its state.

    `executed` are the numbers of the nodes, at any depth, that the run has a job of. Nodes are identified by their ids.
    """
    numbers = _numbers(old, new)
    by_index = {node.index: new.indexes[node.id] for node in old.nodes if node.id in new.indexes}
    obstacles = [*_of_run(old, new, state)]
    if not obstacles:
        obstacles += _of_nodes(old, new, state)
        obstacles += _of_executed(old, numbers, executed)
        obstacles += _of_erasures(old, new, numbers, executed)
    moved = None
    if not obstacles:
        moved = _moved(new, state, by_index, numbers)
        obstacles += _of_new_nodes(old, new, moved)
    live = [node for node in old.nodes if state.nodes[node.index] in LIVE]
    following = {each.id for node in live for each in _targets(new, node.id)}
    return VersionMove(
        tuple(node.id for node in live),
        tuple(node.id for node in new.nodes if node.id in following),
        tuple(node.id for node in old.nodes if state.nodes[node.index] in OUTCOMES and _is_changed(new, node)),
        tuple(obstacles),
        None if obstacles else moved,
        numbers,
    )


def _numbers(old: Plan, new: Plan) -> dict[int, int]:
    by_id = {node.id: node.number for node in new.all_nodes}
    return {node.number: by_id[node.id] for node in old.all_nodes if node.id in by_id}


def _targets(plan: Plan, id: str) -> Iterator[Node]:
    if id in plan.indexes:
        yield from (plan.nodes[target.index] for target in plan.nodes[plan.indexes[id]].targets)


def _is_changed(new: Plan, node: Node) -> bool:
    return node.id in new.indexes and _content(new.nodes[new.indexes[node.id]]) != _content(node)


def _content(node: Node) -> Node:
    """Return a node without its position in the graph."""
    return replace(node, index=0, number=0, edges=(), targets=(), ancestors=0, bodies=())


def _of_run(old: Plan, new: Plan, state: RunState) -> Iterator[Obstacle]:
    if state.phase is not Phase.NORMAL or state.status is Status.CANCELLING:
        yield Obstacle(None, "The run is starting or ending.")
    elif state.reused is not None:
        yield Obstacle(None, "The run reuses results of another run.")
    elif (old.gate, old.debounce, old.debounces) != (new.gate, new.debounce, new.debounces):
        yield Obstacle(None, "The versions have different limits or debouncing.")
    elif old.gated or new.gated:
        yield Obstacle(None, "The workflow or one of its nodes has a concurrency limit.")
    elif old.bound or new.bound:
        yield Obstacle(None, "The jobs of the run share a worker.")
    elif len(state.nodes) > len(old.nodes) + (old.failure is not None):
        yield Obstacle(None, "The input of the run was computed by a preprocessor.")


def _of_nodes(old: Plan, new: Plan, state: RunState) -> Iterator[Obstacle]:
    """Yield the obstacles of nodes in progress and of nodes that have ended."""
    for node in old.nodes:
        mark = state.nodes[node.index]
        other = new.nodes[new.indexes[node.id]] if node.id in new.indexes else None
        if mark in (Mark.PENDING, Mark.SKIPPED):
            if mark == Mark.SKIPPED and other is not None and _edges(old, node) != _edges(new, other):
                yield Obstacle(node.id, "It was skipped, and its edges are different in the new version.")
            continue
        if other is None:
            verb = "is in progress" if mark in LIVE else "has run"
            yield Obstacle(node.id, f"It {verb}, and the new version has no such node.")
        elif mark == Mark.WAITING_CHILDREN:
            yield Obstacle(node.id, "The run is inside it.")
        elif mark in LIVE and _content(other) != _content(node):
            yield Obstacle(node.id, "It is in progress, and is different in the new version.")
        elif MARK_STATE[mark] in _WITH_JOB and (other.index, other.number) != (node.index, node.number):
            yield Obstacle(node.id, "It has a job, and its position is different in the new version.")
        elif other.kind is not node.kind:
            yield Obstacle(node.id, f"It has run as {node.kind}, and is {other.kind} in the new version.")
        elif node.index in state.chosen and _edges(old, node) != _edges(new, other):
            yield Obstacle(node.id, "It has started after one of its edges, which are different in the new version.")


def _edges(plan: Plan, node: Node) -> list[tuple[str, str]]:
    return [(plan.nodes[edge.source].id, edge.on) for edge in node.edges]


def _of_executed(old: Plan, numbers: Mapping[int, int], executed: Sequence[int]) -> Iterator[Obstacle]:
    """Yield the nodes inside others whose jobs would belong to no node of the new version."""
    for number in executed:
        node = old.node(number)
        if number not in numbers and node.id not in old.indexes:
            yield Obstacle(node.id, "It has run, and the new version has no such node.")


def _of_erasures(old: Plan, new: Plan, numbers: Mapping[int, int], executed: Sequence[int]) -> Iterator[Obstacle]:
    """Yield what the new version erases later than the old one, or never: the stored values were promised to be erased.

    The erasures of a run are those of its version when it ends.
    """
    after = dict(new.erasures)
    whole_s = after.get(_WHOLE_RUN, inf)
    for number, delay_s in old.erasures:
        is_whole = number == _WHOLE_RUN
        if not is_whole and number not in executed:
            continue
        new_number = None if is_whole else numbers.get(number)
        new_s = inf if new_number is None else after.get(new_number, inf)
        if min(whole_s, new_s) > delay_s:
            node = None if is_whole else old.node(number).id
            yield Obstacle(node, "Its data would be erased later in the new version, or never.")


def _moved(new: Plan, state: RunState, by_index: Mapping[int, int], numbers: Mapping[int, int]) -> RunState:
    nodes = bytearray(len(RunState.new(new).nodes))
    for index, other in by_index.items():
        nodes[other] = state.nodes[index]
    return replace(
        state,
        nodes=bytes(nodes),
        failures=_at(state.failures, by_index),
        order=tuple(by_index[index] for index in state.order),
        chosen=_at(state.chosen, by_index),
        held=_at(state.held, by_index),
        votes=_at(state.votes, by_index),
        cache_keys=_at(state.cache_keys, by_index),
        breakpoints={numbers[number]: at for number, at in state.breakpoints.items() if number in numbers},
    )


def _at(fields: Mapping[int, V], by_index: Mapping[int, int]) -> dict[int, V]:
    return {by_index[index]: value for index, value in fields.items() if index in by_index}


def _of_new_nodes(old: Plan, new: Plan, state: RunState) -> Iterator[Obstacle]:
    """Yield the nodes that would have started, or been skipped, before the point that the run has reached."""
    for node in new.nodes:
        if state.nodes[node.index] != Mark.PENDING or not _is_decided(node, state):
            continue
        where = "It is new" if node.id not in old.indexes else "Its edges are different"
        yield Obstacle(node.id, f"{where}, and comes before the point that the run has reached.")


def _is_decided(node: Node, state: RunState) -> bool:
    """Return whether the edges of a pending node already determine that it starts or is skipped."""
    ended = [state.nodes[edge.source] in OUTCOMES for edge in node.edges]
    taken = [is_taken(state.nodes, edge) for edge in node.edges]
    if all(ended):
        return True
    match node.join:
        case Join.ALL:
            return any(is_ended and not is_on for is_ended, is_on in zip(ended, taken, strict=True))
        case Join.ANY:
            return any(taken)
        case _:
            return False
