"""Why a run failed."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.runs import VersionNumber
from orvanta_platform.http.schemas.run_about import RunVersion
from orvanta_platform.services.run_views.failure import Failure, LastSuccess, PinChange, RunFailure

T = TypeVar("T")


class AroundFailure(msgspec.Struct, kw_only=True):
    """A node around the one that failed; `place`: the iteration or branch in it, from 0; `run`: the one it called."""

    node: str
    place: int | UnsetType = UNSET
    run: UUID | UnsetType = UNSET


class FirstError(msgspec.Struct, kw_only=True):
    """The first error that nobody handled. `job`: whose log and result it is; `around`: from the outside in.

    `run`: of the node, inside a sub-workflow another one; `node` is absent where the run failed outside of its nodes.
    `error`: absent where it is over 64 KiB or not kept any more. `failures`: how often the node failed.
    """

    run: UUID
    job: UUID
    around: list[AroundFailure]
    failures: int
    node: str | UnsetType = UNSET
    ended_at: datetime | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class CalledVersion(msgspec.Struct, kw_only=True):
    """A script or workflow that nodes call, and its version in each of two runs, absent where they did not."""

    path: str
    before: RunVersion | UnsetType = UNSET
    after: RunVersion | UnsetType = UNSET


class SinceSuccess(msgspec.Struct, kw_only=True):
    """The last run of the same path that went well; `called`: what nodes call in another version since."""

    run: UUID
    called: list[CalledVersion]
    ended_at: datetime | UnsetType = UNSET
    version: RunVersion | UnsetType = UNSET


class WhyFailed(msgspec.Struct, kw_only=True):
    """`failure` is absent where the run has not failed; `since` where no run of the path went well not long before."""

    failure: FirstError | UnsetType = UNSET
    since: SinceSuccess | UnsetType = UNSET


def why_failed(found: RunFailure) -> WhyFailed:
    """The failure as the API shows it."""
    return WhyFailed(
        failure=UNSET if found.failure is None else _failure(found.failure),
        since=UNSET if found.since is None else _since(found.since),
    )


def _failure(found: Failure) -> FirstError:
    return FirstError(
        run=found.run,
        job=found.job,
        around=[
            AroundFailure(node=each.node, place=_given(each.place), run=_given(each.child)) for each in found.around
        ],
        failures=found.failures,
        node=_given(found.node),
        ended_at=_given(found.ended_at),
        error=UNSET if found.error is None else Raw(found.error),
    )


def _since(found: LastSuccess) -> SinceSuccess:
    return SinceSuccess(
        run=found.run,
        called=[_called(each) for each in found.called],
        ended_at=_given(found.ended_at),
        version=_version(found.version),
    )


def _called(found: PinChange) -> CalledVersion:
    return CalledVersion(path=found.path, before=_version(found.before), after=_version(found.after))


def _version(found: VersionNumber | None) -> RunVersion | UnsetType:
    return UNSET if found is None else RunVersion(id=found.id, number=found.number, current=found.current)


def _given(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
