"""What is inside a node, in the words of the wire's flow_status."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.engine.plan import Kind
from orvanta_platform.services.run_views.nested_bodies import Inside


class Iterator(msgspec.Struct, kw_only=True):
    """How far a loop is: the index of the last iteration begun, and how many there are."""

    index: int
    itered_len: int | UnsetType = UNSET


class BranchChosen(msgspec.Struct, kw_only=True):
    """Which branch of a branchone was taken."""

    type: Literal["branch", "default"]
    branch: int | UnsetType = UNSET


class BranchAll(msgspec.Struct, kw_only=True):
    """How far a branchall is: the index of the last branch begun, and how many there are."""

    branch: int
    len: int


class Durations(msgspec.Struct, kw_only=True):
    """When each body began, and how long it took; null where that is not known (yet)."""

    started_at: list[datetime | None]
    duration_ms: list[int | None]


class Bodies(msgspec.Struct, kw_only=True):
    """The bodies of a node; lists hold at most 1,000 places, `flow_jobs_len` tells how many there are."""

    iterator: Iterator | UnsetType = UNSET
    flow_jobs: list[UUID] | UnsetType = UNSET
    flow_jobs_success: list[bool | None] | UnsetType = UNSET
    flow_jobs_duration: Durations | UnsetType = UNSET
    flow_jobs_len: int | UnsetType = UNSET
    branch_chosen: BranchChosen | UnsetType = UNSET
    branchall: BranchAll | UnsetType = UNSET
    parallel: bool | UnsetType = UNSET
    while_loop: bool | UnsetType = UNSET


def bodies(inside: Inside | None, *, ended: bool) -> Bodies:
    """What the wire tells of a node's bodies."""
    if inside is None or inside.kind is Kind.FLOW:
        return Bodies()
    told = Bodies(
        flow_jobs=list(inside.jobs),
        flow_jobs_success=list(inside.success),
        flow_jobs_duration=Durations(
            started_at=[began for began, _ in inside.times],
            duration_ms=[_milliseconds(began, over) for began, over in inside.times],
        ),
        flow_jobs_len=inside.count,
        parallel=inside.parallel,
    )
    last = max(inside.count - 1, 0)
    if inside.kind is Kind.BRANCHONE:
        chosen = inside.chosen
        told.branch_chosen = (
            BranchChosen(type="default") if chosen is None else BranchChosen(type="branch", branch=chosen)
        )
    elif inside.kind is Kind.BRANCHALL:
        told.branchall = BranchAll(branch=last, len=inside.total or 0)
    elif not ended:
        total = inside.total
        told.iterator = Iterator(index=last, itered_len=UNSET if total is None else total)
        told.while_loop = inside.kind is Kind.WHILELOOP
    return told


def _milliseconds(began: datetime | None, over: datetime | None) -> int | None:
    return None if began is None or over is None else int((over - began).total_seconds() * 1000)
