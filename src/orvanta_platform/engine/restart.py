"""A run that goes on from another one: which of its nodes are kept, and how it begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from uuid import UUID

from orvanta_platform.engine.edge_propagation import spread
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.reused_results import Origin, ReusedResults
from orvanta_platform.engine.state import OUTCOMES, SUCCESSES, Mark, Phase, RunState
from orvanta_platform.engine.step import Step


@dataclass(frozen=True, slots=True)
class Ended:
    """How a list of nodes ended in another run: its plan, its state, and where its results are."""

    plan: Plan
    state: RunState
    origin: Origin

    def of(self, index: int) -> Origin:
        """Where the result of a node is: it may itself have been kept."""
        found = self.state.kept.origin(index) if self.state.kept is not None else None
        return found or self.origin


@dataclass(frozen=True, slots=True)
class Restart:
    """How a restart begins. Every node of the plan is in one of the three, by index, ascending.

    `again`: what runs anew, or is decided anew. `skipped`: kept as skipped.
    """

    state: RunState
    kept: tuple[int, ...]
    again: tuple[int, ...]
    skipped: tuple[int, ...]


def restart(plan: Plan, before: Ended, named: Iterable[int] = ()) -> Restart:
    """A restart from the nodes `named` (indexes in `plan`), or from where it failed where there are none.

    These and all that follow them run again, and so does whatever had not ended well or been handled. What else had
    ended is kept. `plan` may be another one than that of the run before: nodes are the same by id and kind.
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
        chosen=_moved(before.state.chosen, old, again) if plan is before.plan else {},
        votes=_moved(before.state.votes, old, again),
        kept=ReusedResults(tuple(origins), places),
    )
    if plan is before.plan:
        state = _with_choices(plan, before.state, state, again)
    state = _with_preprocessor(plan, before, state)
    skipped = tuple(index for index in places if marks[index] == Mark.SKIPPED)
    kept = tuple(index for index in places if marks[index] != Mark.SKIPPED)
    return Restart(state, kept, tuple(sorted(again)), skipped)


def _with_preprocessor(plan: Plan, before: Ended, state: RunState) -> RunState:
    """A preprocessor that did not make the input of the run before runs first again."""
    old, new = before.plan.preprocessor, plan.preprocessor
    if old is None or new is None or old.index >= len(before.state.nodes):
        return state
    if before.state.nodes[old.index] in SUCCESSES:
        return state
    nodes = state.nodes.ljust(new.index + 1, b"\0")
    return replace(state, nodes=nodes, phase=Phase.PREPROCESSING)


def is_reached(plan: Plan, made: Restart, before: Ended, index: int) -> bool:
    """False: the node was skipped, and would be skipped again, since nothing before it runs."""
    at = place_in(before, plan.nodes[index])
    if at is None or before.state.nodes[at] != Mark.SKIPPED:
        return True
    again = set(made.again)
    return any(edge.source in again for edge in plan.nodes[index].edges)


def reused_consents(plan: Plan, deciding: Iterable[int], repeated: Set[int]) -> list[str]:
    """Ids of the nodes `deciding`, with kept decisions of signed-in people, that a node in `repeated` follows.

    A decision counts for what followed it in its own run; repeating a failed node behind it is still covered.
    """
    return [plan.nodes[index].id for index in deciding if repeated & _after(plan, index)]


def repeated(plan: Plan, made: Restart, before: Ended) -> set[int]:
    """The nodes that run again although they succeeded before."""
    return {
        index
        for index in made.again
        if (at := place_in(before, plan.nodes[index])) is not None and before.state.nodes[at] in SUCCESSES
    }


def needs_person(node: Node) -> bool:
    """Tests that the node asks people who must be signed in."""
    consent = node.approval if node.kind is Kind.APPROVAL else node.suspend if node.targets else None
    return consent is not None and consent.needs_login


def _after(plan: Plan, index: int) -> set[int]:
    return _following(plan, {index}) - {index}


def place_in(before: Ended, node: Node) -> int | None:
    """The index that the node had in the run before."""
    at = before.plan.indexes.get(node.id)
    return at if at is not None and before.plan.nodes[at].kind is node.kind else None


def _unfinished(plan: Plan, before: Ended, old: Mapping[int, int], named: Iterable[int]) -> set[int]:
    """What had not ended, or failed and nobody handled it. A node that ended the run early has not ended it for those
    who restart elsewhere than behind it.
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
        or _still_asked(plan.nodes[index], state.votes.get(old[index], 0))
    }
    if state.halted is not None:
        ancestors = _ancestors(plan, named)
        found |= {index for index, at in old.items() if at == state.halted[0] and not ancestors >> index & 1}
    return found


def _still_asked(node: Node, agreed: int) -> bool:
    """Whether what follows the node waits for people who have not agreed, whose say nobody may go around."""
    asks = node.suspend
    return asks is not None and bool(node.targets) and not asks.goes_on and agreed < asks.required


def _ancestors(plan: Plan, named: Iterable[int]) -> int:
    found = 0
    for index in named:
        found |= plan.nodes[index].ancestors
    return found


def _following(plan: Plan, first: set[int]) -> set[int]:
    """These nodes and all that follow them."""
    found, coming = set(first), list(first)
    while coming:
        for target in plan.nodes[coming.pop()].targets:
            if target.index not in found:
                found.add(target.index)
                coming.append(target.index)
    return found


def _moved(numbers: Mapping[int, int], old: Mapping[int, int], again: set[int]) -> dict[int, int]:
    """What was kept of nodes by their old indexes, for those that are kept."""
    return {index: numbers[at] for index, at in old.items() if index not in again and at in numbers}


def _with_choices(plan: Plan, before: RunState, state: RunState, again: set[int]) -> RunState:
    """A node with join any begins by the edge that it began by, where that one's node is kept."""
    chosen = dict(state.chosen)
    for index in again:
        place = before.chosen.get(index)
        if place is not None and plan.nodes[index].edges[place].source not in again:
            chosen[index] = place
    return RunState(state.nodes, chosen=chosen, votes=state.votes, kept=state.kept)


def has_not_begun(step: Step) -> bool:
    """Whether nothing of the list has begun but what is kept."""
    kept = step.kept.nodes if step.kept is not None else {}
    return not any(mark and index not in kept for index, mark in enumerate(step.nodes))


def go_on(step: Step) -> None:
    """Let what is kept count as if it had just ended."""
    assert step.kept is not None
    step.ready.update(index for index in step.plan.starts if step.nodes[index] == Mark.PENDING)
    step.ready.update(index for index in step.chosen if step.nodes[index] == Mark.PENDING)
    step.ended.extend(sorted(step.kept.nodes))


def with_skips(plan: Plan, state: RunState) -> RunState:
    """The state of a list of which only what ran is known: what its edges skipped, and failures nobody handled."""
    step = Step(plan, state, {}, 0)
    for index, mark in enumerate(state.nodes):
        if mark in (Mark.FAILED, Mark.REJECTED, Mark.TIMED_OUT):
            if step.handles_failure(plan.nodes[index], Mark(mark)):
                continue
            step.nodes[index] = Mark.UNHANDLED if mark == Mark.FAILED else mark
            step.add_unhandled(index)
    step.ended.extend(index for index, mark in enumerate(step.nodes) if mark in OUTCOMES)
    spread(step)
    return step.freeze()


def same(run: UUID, plan: Plan, state: RunState) -> Ended:
    """How a run ended, at its top level."""
    return Ended(plan, state, Origin(run))
