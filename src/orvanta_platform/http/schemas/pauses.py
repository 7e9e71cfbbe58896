"""Breakpoints of a run and what is paused, as the wire has them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.services.runs import pausing


class BreakpointBody(msgspec.Struct):
    """`if`: an expression; the run pauses there only where it is true."""

    when: str | None = msgspec.field(default=None, name="if")


class ContinueBody(msgspec.Struct):
    """Nothing: the node goes on as it is. `inputs`: an object of those that take the place of its own of these names.

    `result`: what stands for its result; it does not run.
    """

    inputs: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET


class Breakpoint(msgspec.Struct):
    """Before a node; `by`: who set it."""

    node: str
    by: str
    when: str | UnsetType = msgspec.field(default=UNSET, name="if")


class PausedNode(msgspec.Struct, kw_only=True):
    """A node that is paused; `job`: its id, `by`: who set the breakpoint.

    `place`: the iteration or branch that it stands in, from 0. `takes_inputs`, `takes_result`: what it may go on with.
    `threw`: what its condition threw, which pauses as well.
    """

    job: UUID
    node: str
    kind: str
    by: str
    paused_at: datetime
    place: int | UnsetType = UNSET
    takes_inputs: bool
    takes_result: bool
    threw: str | UnsetType = UNSET


class RunPauses(msgspec.Struct):
    """`paused`: the longest first, at most 100. `may_pause`: whether the caller may set breakpoints and let nodes go
    on, `may_change`: with values and conditions of the caller's choice.
    """

    run_id: UUID
    breakpoints: list[Breakpoint]
    paused: list[PausedNode]
    may_pause: bool
    may_change: bool


class PausedInputs(PausedNode, kw_only=True):
    """A paused node with the `inputs` that it would get now, secrets masked; `error`: why there are none."""

    inputs: Raw | UnsetType = UNSET
    error: str | UnsetType = UNSET


def pauses(found: pausing.RunPauses) -> RunPauses:
    """Of one run."""
    before = [Breakpoint(each.node, each.by, UNSET if each.when is None else each.when) for each in found.before]
    return RunPauses(found.run, before, [_node(each) for each in found.paused], found.may_pause, found.may_change)


def paused(found: pausing.InputsPreview) -> PausedInputs:
    """One node."""
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
