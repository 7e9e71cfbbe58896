"""Schemas of a node's iterations and branches in flow_status."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.engine.plan import Kind
from orvanta_platform.services.run_views.nested_bodies import Inside


class Iterator(msgspec.Struct, kw_only=True):
    """The progress of a loop."""

    index: int
    """Index of the last iteration started."""

    itered_len: int | UnsetType = UNSET
    """Number of iterations."""


class BranchChosen(msgspec.Struct, kw_only=True):
    """The branch that a branchone took."""

    type: Literal["branch", "default"]
    branch: int | UnsetType = UNSET


class BranchAll(msgspec.Struct, kw_only=True):
    """The progress of a branchall."""

    branch: int
    """Index of the last branch started."""

    len: int
    """Number of branches."""


class Durations(msgspec.Struct, kw_only=True):
    """The start and duration of each iteration or branch; null where unknown."""

    started_at: list[datetime | None]
    duration_ms: list[int | None]


class Bodies(msgspec.Struct, kw_only=True):
    """The iterations or branches of a node. Lists contain at most 1,000 of them."""

    iterator: Iterator | UnsetType = UNSET
    flow_jobs: list[UUID] | UnsetType = UNSET
    flow_jobs_success: list[bool | None] | UnsetType = UNSET
    flow_jobs_duration: Durations | UnsetType = UNSET
    flow_jobs_len: int | UnsetType = UNSET
    """Number of iterations or branches."""

    branch_chosen: BranchChosen | UnsetType = UNSET
    branchall: BranchAll | UnsetType = UNSET
    parallel: bool | UnsetType = UNSET
    while_loop: bool | UnsetType = UNSET


def bodies(inside: Inside | None, *, ended: bool) -> Bodies:
    """Convert a node's iterations or branches."""
    if inside is None or inside.kind is Kind.FLOW:
        return Bodies()
    shown = Bodies(
        flow_jobs=list(inside.jobs),
        flow_jobs_success=list(inside.success),
        flow_jobs_duration=Durations(
            started_at=[started for started, _ in inside.times],
            duration_ms=[_milliseconds(began, over) for began, over in inside.times],
        ),
        flow_jobs_len=inside.count,
        parallel=inside.parallel,
    )
    last = max(inside.count - 1, 0)
    if inside.kind is Kind.BRANCHONE:
        chosen = inside.chosen
        shown.branch_chosen = (
            BranchChosen(type="default") if chosen is None else BranchChosen(type="branch", branch=chosen)
        )
    elif inside.kind is Kind.BRANCHALL:
        shown.branchall = BranchAll(branch=last, len=inside.total or 0)
    elif not ended:
        total = inside.total
        shown.iterator = Iterator(index=last, itered_len=UNSET if total is None else total)
        shown.while_loop = inside.kind is Kind.WHILELOOP
    return shown


def _milliseconds(started: datetime | None, over: datetime | None) -> int | None:
    return None if started is None or over is None else int((over - started).total_seconds() * 1000)
