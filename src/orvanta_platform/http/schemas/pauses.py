"""Schemas of breakpoints and paused nodes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.services.runs import pausing


class BreakpointBody(msgspec.Struct):
    """A breakpoint to set."""

    when: str | None = msgspec.field(default=None, name="if")
    """Expression. If it is set, the run pauses only if it is true."""


class ContinueBody(msgspec.Struct):
    """The way in which a paused node continues. An empty body continues it unchanged."""

    inputs: Raw | UnsetType = UNSET
    """Object of inputs that replace the node's inputs of the same names."""

    result: Raw | UnsetType = UNSET
    """Result to use instead of running the node."""


class Breakpoint(msgspec.Struct):
    """A breakpoint before a node."""

    node: str
    by: str
    """User who set the breakpoint."""

    when: str | UnsetType = msgspec.field(default=UNSET, name="if")


class PausedNode(msgspec.Struct, kw_only=True):
    """A paused node."""

    job: UUID
    """Id of the node's job."""

    node: str
    kind: str
    by: str
    """User who set the breakpoint."""

    paused_at: datetime
    place: int | UnsetType = UNSET
    """Index from 0 of the iteration or branch that contains the node."""

    takes_inputs: bool
    """True if it can continue with other inputs."""

    takes_result: bool
    """True if it can continue with a result."""

    threw: str | UnsetType = UNSET
    """Error of the breakpoint's condition. An error pauses the node as well."""


class RunPauses(msgspec.Struct):
    """The breakpoints and paused nodes of a run."""

    run_id: UUID
    breakpoints: list[Breakpoint]
    paused: list[PausedNode]
    """At most 100 nodes, the longest paused first."""

    may_pause: bool
    """True if the caller may set breakpoints and continue nodes."""

    may_change: bool
    """True if the caller may also choose values and conditions."""


class PausedInputs(PausedNode, kw_only=True):
    """A paused node with its inputs."""

    inputs: Raw | UnsetType = UNSET
    """The inputs that the node would receive now. Secrets are masked."""

    error: str | UnsetType = UNSET
    """Reason for which there are no inputs."""


def pauses(found: pausing.RunPauses) -> RunPauses:
    """Convert the breakpoints and paused nodes of a run."""
    before = [Breakpoint(each.node, each.by, UNSET if each.when is None else each.when) for each in found.before]
    return RunPauses(found.run, before, [_node(each) for each in found.paused], found.may_pause, found.may_change)


def paused(found: pausing.InputsPreview) -> PausedInputs:
    """Convert a paused node with its inputs."""
    return PausedInputs(
        **msgspec.structs.asdict(_node(found.paused)),
        inputs=UNSET if found.inputs is None else Raw(found.inputs),
        error=UNSET if found.error is None else found.error,
    )


def _node(each: pausing.PausedNode) -> PausedNode:
    return PausedNode(
        job=each.job,
        node=each.node,
        kind=each.kind,
        by=each.by,
        paused_at=each.at,
        place=UNSET if each.place is None else each.place,
        takes_inputs=each.inputs,
        takes_result=each.result,
        threw=UNSET if each.threw is None else each.threw,
    )
