"""Schemas of the failure of a run."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.runs import VersionNumber
from orvanta_platform.http.schemas.run_about import RunVersion
from orvanta_platform.services.run_views.failure import EnclosingNode, Failure, LastSuccess, PinChange, RunFailure

T = TypeVar("T")


class FailureContainer(msgspec.Struct, kw_only=True):
    """A node that contains the failed one."""

    node: str
    place: int | UnsetType = UNSET
    """Index from 0 of the iteration or branch."""

    run: UUID | UnsetType = UNSET
    """Run that the node called."""


class FirstError(msgspec.Struct, kw_only=True):
    """The first unhandled error of a run."""

    run: UUID
    """Run of the failed node. Inside a sub-workflow, it is another run."""

    job: UUID
    """Job with the log and result of the failure."""

    around: list[FailureContainer]
    """Nodes that contain the failed one, from the outside in."""

    failures: int
    """Number of failed attempts."""

    node: str | UnsetType = UNSET
    """The failed node; absent if the run failed outside of its nodes."""

    ended_at: datetime | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    """The error; absent if it is larger than 64 KiB or no longer stored."""


class CalledVersion(msgspec.Struct, kw_only=True):
    """A script or workflow called by nodes, with its version in each of two runs; absent if a run did not call it."""

    path: str
    before: RunVersion | UnsetType = UNSET
    after: RunVersion | UnsetType = UNSET


class SuccessfulRun(msgspec.Struct, kw_only=True):
    """The last successful run of the same path."""

    run: UUID
    called: list[CalledVersion]
    """Items called by nodes whose versions have changed since."""

    document_changed: bool
    """The run executed another workflow or script than the successful one, such as a changed draft in a test."""

    ended_at: datetime | UnsetType = UNSET
    version: RunVersion | UnsetType = UNSET


class RunFailureReport(msgspec.Struct, kw_only=True):
    """The failure of a run."""

    failure: FirstError | UnsetType = UNSET
    """The first unhandled error; absent if the run has not failed."""

    since: SuccessfulRun | UnsetType = UNSET
    """The last successful run; absent if there is no recent one."""


def failure_report(found: RunFailure) -> RunFailureReport:
    """Convert the failure of a run."""
    return RunFailureReport(
        failure=UNSET if found.failure is None else _failure(found.failure),
        since=UNSET if found.since is None else _since(found.since),
    )


def _failure(found: Failure) -> FirstError:
    return FirstError(
        run=found.run,
        job=found.job,
        around=[
            FailureContainer(node=each.node, place=_optional(each.place), run=_optional(each.child))
            for each in found.around
        ],
        failures=found.failures,
        node=_optional(found.node),
        ended_at=_optional(found.ended_at),
        error=UNSET if found.error is None else Raw(found.error),
    )


def _around(found: EnclosingNode) -> FailureContainer:
    return FailureContainer(node=found.node, place=_optional(found.place), run=_optional(found.child))


def _since(found: LastSuccess) -> SuccessfulRun:
    return SuccessfulRun(
        run=found.run,
        called=[_called(each) for each in found.called],
        document_changed=found.document_changed,
        ended_at=_optional(found.ended_at),
        version=_version(found.version),
    )


def _called(found: PinChange) -> CalledVersion:
    return CalledVersion(path=found.path, before=_version(found.before), after=_version(found.after))


def _version(found: VersionNumber | None) -> RunVersion | UnsetType:
    return UNSET if found is None else RunVersion(id=found.id, number=found.number, current=found.current)


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
