"""Places in a run from which expressions read, and keys of the values of its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.scope import is_preprocessed
from orvanta_platform.engine.state import RunState
from orvanta_platform.ids import inner_job_id

NO_ENV = b"{}"


class View(msgspec.Struct, frozen=True):
    """A place in a run from which expressions read."""

    plan: Plan
    run: RunRow
    state: RunState
    index: int
    """Index of the reading node, which bounds the visible nodes."""
    own: bytes | None = None
    """JSON text of the node's own result, for exports and retry_if."""
    known: Mapping[ValueKey, bytes] = msgspec.field(default_factory=dict)
    """Values of this step that are not in a table yet."""
    within: ListPosition | None = None
    """Position of the list if it is inside a node."""

    @property
    def frame(self) -> UUID | None:
        """The frame of the list; None at the top level."""
        return self.within.frame if self.within else None

    @property
    def top(self) -> View:
        """The place at the top level around this one."""
        view = self
        while view.within is not None:
            view = view.within.outer
        return view

    @property
    def iteration(self) -> ListPosition | None:
        """The innermost iteration of a loop around this place."""
        view = self
        while view.within is not None:
            if view.within.holder.kind.is_loop:
                return view.within
            view = view.within.outer
        return None

    def key(self, index: int) -> ValueKey:
        """Return the key of the result of a node of the same list."""
        return (value_id(self.plan, self.run.id, self.state, index, self.frame), "result", "")


class ListPosition(msgspec.Struct, frozen=True):
    """A list inside a node: the frame, its opening, its number in the opening, and the view of the node itself."""

    frame: UUID
    opening: UUID
    number: int
    outer: View

    @property
    def holder(self) -> Node:
        """The node that contains the list."""
        return self.outer.plan.node(self.outer.index)


def result_key(plan: Plan, run: UUID, index: int, frame: UUID | None = None) -> ValueKey:
    """Return the key of the result of a node."""
    return (job_id(plan, run, index, frame), "result", "")


def error_key(plan: Plan, run: UUID, index: int) -> ValueKey:
    """Return the key of `{"error": …}` of a failed node: the result of a loop that failed is an array."""
    kind = plan.node(index).kind
    return (job_id(plan, run, index), "result", ERROR if kind.is_container else "")


PREPROCESSED = "input"
"""Name of a run's input as computed by its preprocessor; stored in addition to the args."""

ERROR = "error"

BEGINNING = "beginning"
"""Name of the value (of a frame, kind args) with the initial state of a body that restarted from another run."""


def job_id(plan: Plan, run: UUID, index: int, frame: UUID | None = None) -> UUID:
    """Return the id of a node's job; in a run of one node, it is the run's id."""
    return run if plan.single else inner_job_id(run, frame, plan.node(index).id)


def value_id(plan: Plan, run: UUID, state: RunState, index: int, frame: UUID | None = None) -> UUID:
    """Return the id that the result of a node is stored under: its own, or that of the run it is reused from."""
    origin = state.reused.origin(index) if state.reused is not None else None
    if origin is None:
        return job_id(plan, run, index, frame)
    return inner_job_id(origin.run, origin.frame, plan.node(index).id)


def input_key(plan: Plan, run: UUID, state: RunState) -> ValueKey:
    """Return the key of the run's input: the original one, or that computed by its preprocessor."""
    return (run, "args", PREPROCESSED if is_preprocessed(plan, state) else "")


def env_key(run: UUID) -> ValueKey:
    """Return the key under which a sub-workflow's run stores the flow_env of its caller."""
    return (run, "args", "env")


def inherits_env(top: View) -> bool:
    """Return whether the run uses its caller's flow_env: a sub-workflow without one of its own."""
    return top.run.parent is not None and top.plan.env == NO_ENV
