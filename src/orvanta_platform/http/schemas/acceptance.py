"""Wire shapes of versions that wait for acceptance."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.acceptance import WaitingRow
from orvanta_platform.services.access.acceptance import Waiting


class VersionAt(msgspec.Struct, kw_only=True):
    """A version at a path: its id, its number from 1, and who deployed it."""

    id: int
    number: int
    author: str


class RunsIt(msgspec.Struct, kw_only=True):
    """A trigger that runs an item for a member. `path`: for a webhook, the label of its token."""

    kind: Literal["schedule", "http_trigger", "flow", "webhook"]
    path: str


class WaitingVersion(msgspec.Struct, kw_only=True):
    """A current version that does not run for `permissioned_as` until it is accepted.

    `accepted`: the version that runs meanwhile; without one, none runs. `triggers`: the triggers that run it for that
    member and that the caller may read. `may_accept`: the caller may accept it for that member. `for_everybody`:
    accepting it without naming a member accepts it for everybody. `yours`: the caller deployed it.
    """

    kind: Literal["script", "flow"]
    path: str
    permissioned_as: str
    version: VersionAt
    created_at: datetime
    triggers: list[RunsIt]
    may_accept: bool
    for_everybody: bool
    yours: bool
    accepted: VersionAt | UnsetType = UNSET
    message: str | UnsetType = UNSET


class Accept(msgspec.Struct, kw_only=True):
    """The version to accept. `permissioned_as`: the member, as `u/<username>`, or `g/all` for everybody.

    Default: everybody if the caller may accept for others, otherwise the caller.
    """

    version: int
    permissioned_as: str | None = None


class Accepted(msgspec.Struct, kw_only=True):
    """The member or group that the version is accepted for."""

    permissioned_as: str


def waiting(found: Waiting) -> WaitingVersion:
    """A version that waits."""
    row = found.row
    kind: Any = row.kind
    return WaitingVersion(
        kind=kind,
        path=row.path,
        permissioned_as=row.permissioned_as,
        version=VersionAt(id=row.version, number=row.number, author=row.author),
        created_at=row.created_at,
        triggers=[_source(each) for each in row.runs_it],
        may_accept=found.may_accept,
        for_everybody=found.for_everybody,
        yours=found.yours,
        accepted=_accepted(row),
        message=row.message or UNSET,
    )


def _accepted(row: WaitingRow) -> VersionAt | UnsetType:
    if row.accepted is None:
        return UNSET
    return VersionAt(id=row.accepted, number=row.accepted_number or 0, author=row.accepted_author or "")


def _source(text: str) -> RunsIt:
    kind, _, path = text.partition(":")
    word: Any = kind
    return RunsIt(kind=word, path=path)
