"""Location of the results of the previous iteration of a while loop, for expressions that read them."""

from __future__ import annotations

from collections.abc import Callable

from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.reused_results import Origin, Reopening
from orvanta_platform.engine.state import RunState
from orvanta_platform.ids import frame_id, inner_job_id, opening_id
from orvanta_platform.orchestrator.view import ListPosition, View

_CONTAINERS = (Kind.WHILELOOP, Kind.BRANCHONE, Kind.BRANCHALL)


def iteration_before(view: View) -> Callable[[int], Origin | None] | None:
    """Locate this list's nodes in the previous iteration of the while loop around it or around its branches."""
    within = view.within
    if within is None or within.holder.kind not in _CONTAINERS:
        return None
    if within.holder.kind is Kind.WHILELOOP:
        return _of_loop(view, within) if within.number else None
    around = iteration_before(within.outer)
    holder = around(within.outer.index) if around is not None else None
    if holder is None:
        return None
    # If the branch was retried then, its first attempt.
    opening = opening_id(holder.run, inner_job_id(holder.run, holder.frame, within.holder.id), 0)
    branch = Origin(holder.run, frame_id(holder.run, opening, within.number))
    return lambda index: branch


def _of_loop(view: View, within: ListPosition) -> Callable[[int], Origin | None]:
    """Locate the previous iteration; at a restart point, it belongs to the earlier run or reuses parts of it."""
    before = Origin(view.run.id, frame_id(view.run.id, within.opening, within.number - 1))
    again = _reopening(view, within)
    if again is not None and again.place == within.number:
        reused = again.before
        return reused.origin if reused is not None else lambda index: None
    if again is not None and again.place == within.number - 1 and again.state is not None:
        own = RunState.decode(again.state).reused
        return lambda index: (own.origin(index) if own is not None else None) or before
    return lambda index: before


def _reopening(view: View, within: ListPosition) -> Reopening | None:
    """Return the restart point of the enclosing loop, if it continues that of another run."""
    outer = within.outer
    if outer.state.reused is None:
        return None
    first = opening_id(view.run.id, inner_job_id(view.run.id, outer.frame, within.holder.id), 0)
    return outer.state.reused.inside.get(outer.index) if within.opening == first else None
