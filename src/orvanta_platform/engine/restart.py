"""Restart of a run from another one: which of its nodes are reused, and how it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.engine.edge_propagation import propagate
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.reused_results import Origin, ReusedResults
from orvanta_platform.engine.state import OUTCOMES, SUCCESSES, Mark, Phase, RunState
from orvanta_platform.engine.step import Step


class FinishedList(msgspec.Struct, frozen=True):
    """List of nodes that ended in another run: its plan, its state, and the origin of its results."""

    plan: Plan
    state: RunState
    origin: Origin

    def of(self, index: int) -> Origin:
        """Return the origin of a node's result, which may itself have been reused."""
        found = self.state.reused.origin(index) if self.state.reused is not None else None
        return found or self.origin


class Restart(msgspec.Struct, frozen=True):
    """Start of a restart. Every node of the plan is in exactly one of the three tuples, by ascending index."""

    state: RunState
    reused: tuple[int, ...]
    """Nodes whose results are reused."""
    again: tuple[int, ...]
    """Nodes that run or are decided again."""
    skipped: tuple[int, ...]
    """Nodes that stay skipped."""


def restart(plan: Plan, before: FinishedList, named: Iterable[int] = ()) -> Restart:
    """Return a restart from the nodes `named` (indexes in `plan`), or, if empty, from where the run failed.

    The named nodes and all nodes after them run again, and so do all nodes that had neither succeeded nor been handled.
    All other ended nodes are reused. `plan` may differ from that of the earlier run: nodes match by id and kind.
    """
    old = {index: at for index, node in enumerate(plan.nodes) if (at := place_in(before, node)) is not None}
    again = _following(plan, {*named, *_unfinished(plan, before, old, named)})
    marks = bytearray(len(plan.nodes) + (plan.failure is not None))
    origins: dict[Origin, int] = {}
    places: dict[int, int] = {}
    for index in range(len(plan.nodes)):
        if index not in again:
            marks[index] = before.state.nodes[old[index]]
            places[index] = origins.setdefault(before.of(old[index]), len(origins))
    state = RunState(
        bytes(marks),
        chosen=_reindexed(before.state.chosen, old, again) if plan is before.plan else {},
        votes=_reindexed(before.state.votes, old, again),
        reused=ReusedResults(tuple(origins), places),
    )
    if plan is before.plan:
        state = _with_choices(plan, before.state, state, again)
    state = _with_preprocessor(plan, before, state)
    skipped = tuple(index for index in places if marks[index] == Mark.SKIPPED)
    reused = tuple(index for index in places if marks[index] != Mark.SKIPPED)
    return Restart(state, reused, tuple(sorted(again)), skipped)


def _with_preprocessor(plan: Plan, before: FinishedList, state: RunState) -> RunState:
    """Run the preprocessor again if it did not produce the input of the earlier run."""
    old, new = before.plan.preprocessor, plan.preprocessor
    if old is None or new is None or old.index >= len(before.state.nodes):
        return state
    if before.state.nodes[old.index] in SUCCESSES:
        return state
    nodes = state.nodes.ljust(new.index + 1, b"\0")
    return replace(state, nodes=nodes, phase=Phase.PREPROCESSING)


def is_reached(plan: Plan, result: Restart, before: FinishedList, index: int) -> bool:
    """Return whether the node may run. False: it was skipped and would be skipped again, as no node before it runs."""
    at = place_in(before, plan.nodes[index])
    if at is None or before.state.nodes[at] != Mark.SKIPPED:
        return True
    again = set(result.again)
    return any(edge.source in again for edge in plan.nodes[index].edges)


def reused_consents(plan: Plan, deciding: Iterable[int], repeated: Set[int]) -> list[str]:
    """Return the ids of the nodes in `deciding` that a node in `repeated` follows.

    `deciding` are nodes with reused decisions of signed-in people. A decision covers what followed it in
    its own run, including the repetition of a failed node after it.
    """
    return [plan.nodes[index].id for index in deciding if repeated & _after(plan, index)]


def repeated(plan: Plan, result: Restart, before: FinishedList) -> set[int]:
    """Return the nodes that run again although they had succeeded."""
    return {
        index
        for index in result.again
        if (at := place_in(before, plan.nodes[index])) is not None and before.state.nodes[at] in SUCCESSES
    }


def needs_person(node: Node) -> bool:
    """Return whether the node asks for approval by people who must be signed in."""
    consent = node.approval if node.kind is Kind.APPROVAL else node.suspend if node.targets else None
    return consent is not None and consent.needs_login


def _after(plan: Plan, index: int) -> set[int]:
    return _following(plan, {index}) - {index}


def place_in(before: FinishedList, node: Node) -> int | None:
    """Return the index that the node had in the earlier run; None if it was not there."""
    at = before.plan.indexes.get(node.id)
    return at if at is not None and before.plan.nodes[at].kind is node.kind else None


def _unfinished(plan: Plan, before: FinishedList, old: Mapping[int, int], named: Iterable[int]) -> set[int]:
    """Return the nodes that had not ended, or failed unhandled.

    A node that ended the run early counts as unfinished, unless the restart begins after it.
    """
    state = before.state
    unhandled = set(state.unhandled())
    found = {
        index
        for index in range(len(plan.nodes))
        if index not in old
        or state.nodes[old[index]] not in OUTCOMES
        or state.nodes[old[index]] == Mark.CANCELLED
        or old[index] in unhandled
        or _awaits_consent(plan.nodes[index], state.votes.get(old[index], 0))
    }
    if state.halted is not None:
        ancestors = _ancestors(plan, named)
        found |= {index for index, at in old.items() if at == state.halted[0] and not ancestors >> index & 1}
    return found


def _awaits_consent(node: Node, agreed: int) -> bool:
    """Return whether the node's edges still wait for people who have not agreed; a restart must not bypass them."""
    suspend = node.suspend
    return suspend is not None and bool(node.targets) and not suspend.continues and agreed < suspend.required


def _ancestors(plan: Plan, named: Iterable[int]) -> int:
    found = 0
    for index in named:
        found |= plan.nodes[index].ancestors
    return found


def _following(plan: Plan, first: set[int]) -> set[int]:
    """Return these nodes and all nodes after them."""
    found, pending = set(first), list(first)
    while pending:
        for target in plan.nodes[pending.pop()].targets:
            if target.index not in found:
                found.add(target.index)
                pending.append(target.index)
    return found


def _reindexed(numbers: Mapping[int, int], old: Mapping[int, int], again: set[int]) -> dict[int, int]:
    """Return the values of reused nodes, from old to new indexes."""
    return {index: numbers[at] for index, at in old.items() if index not in again and at in numbers}


def _with_choices(plan: Plan, before: RunState, state: RunState, again: set[int]) -> RunState:
    """Start a node with join any by the same edge as before, if the source of that edge is reused."""
    chosen = dict(state.chosen)
    for index in again:
        place = before.chosen.get(index)
        if place is not None and plan.nodes[index].edges[place].source not in again:
            chosen[index] = place
    return RunState(state.nodes, chosen=chosen, votes=state.votes, reused=state.reused)


def is_not_started(step: Step) -> bool:
    """Return whether no node of the list has started, apart from reused ones."""
    reused = step.reused.nodes if step.reused is not None else {}
    return not any(mark and index not in reused for index, mark in enumerate(step.nodes))


def apply_reused_nodes(step: Step) -> None:
    """Process the reused nodes as if they had just ended."""
    assert step.reused is not None
    step.ready.update(index for index in step.plan.starts if step.nodes[index] == Mark.PENDING)
    step.ready.update(index for index in step.chosen if step.nodes[index] == Mark.PENDING)
    step.ended.extend(sorted(step.reused.nodes))


def with_skips(plan: Plan, state: RunState) -> RunState:
    """Complete the state of a list of which only the nodes that ran are known: add skips and unhandled failures."""
    step = Step(plan, state, {}, 0)
    for index, mark in enumerate(state.nodes):
        if mark in (Mark.FAILED, Mark.REJECTED, Mark.TIMED_OUT):
            if step.handles_failure(plan.nodes[index], Mark(mark)):
                continue
            step.nodes[index] = Mark.UNHANDLED if mark == Mark.FAILED else mark
            step.add_unhandled(index)
    step.ended.extend(index for index, mark in enumerate(step.nodes) if mark in OUTCOMES)
    propagate(step)
    return step.freeze()


def finished_run(run: UUID, plan: Plan, state: RunState) -> FinishedList:
    """Return the top level of a run as a finished list."""
    return FinishedList(plan, state, Origin(run))
