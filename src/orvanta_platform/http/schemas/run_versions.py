"""Schemas of runs under way on earlier versions of their workflow."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.engine.version_move import Obstacle
from orvanta_platform.services.catalog import run_versions


class MoveObstacle(msgspec.Struct, kw_only=True):
    """A reason why a run cannot be moved to the current version."""

    node: str | None
    """Node that it concerns; null: the whole run."""

    reason: str


class EarlierRun(msgspec.Struct, kw_only=True):
    """A run on an earlier version."""

    id: UUID
    number: int | None
    """Number of its version."""

    status: str
    created_by: str
    at: list[str]
    """Nodes in progress."""

    next: list[str]
    """Nodes of the current version that follow them if they succeed."""

    changed: list[str]
    """Nodes that have run and are different in the current version; they do not run again."""

    obstacles: list[MoveObstacle]
    """Reasons why it cannot be moved; empty if it can."""


class EarlierRuns(msgspec.Struct, kw_only=True):
    """Runs under way on earlier versions of a workflow."""

    count: int
    """Number of these runs, also of those that the caller may not read."""

    version_id: int
    """Id of the current version."""

    number: int
    runs: list[EarlierRun]
    """Oldest first."""

    more: bool
    """True if there are more runs after the last one of this page."""


class RunsToMove(msgspec.Struct, kw_only=True):
    """Runs to move to the current version."""

    runs: list[UUID]


class MovedRun(msgspec.Struct, kw_only=True):
    """Outcome of moving one run."""

    id: UUID
    moved: bool
    obstacles: list[MoveObstacle]


def earlier(found: run_versions.EarlierRuns) -> EarlierRuns:
    """Convert the runs on earlier versions."""
    return EarlierRuns(
        count=found.count,
        version_id=found.version,
        number=found.number,
        runs=[_run(each) for each in found.runs],
        more=found.more,
    )


def moved(found: Sequence[run_versions.MoveResult]) -> list[MovedRun]:
    """Convert the outcomes of moving runs."""
    return [MovedRun(id=each.id, moved=each.moved, obstacles=_obstacles(each.obstacles)) for each in found]


def _run(each: run_versions.RunOnEarlierVersion) -> EarlierRun:
    check = each.check
    return EarlierRun(
        id=each.id,
        number=each.number,
        status=each.status,
        created_by=each.created_by,
        at=list(check.at) if check is not None else [],
        next=list(check.next) if check is not None else [],
        changed=list(check.changed) if check is not None else [],
        obstacles=_obstacles(each.obstacles),
    )


def _obstacles(found: Sequence[Obstacle]) -> list[MoveObstacle]:
    return [MoveObstacle(node=each.node, reason=each.reason) for each in found]
