"""Schemas of versions that wait for acceptance."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.acceptance import WaitingRow
from orvanta_platform.services.access.acceptance import Waiting


class VersionAt(msgspec.Struct, kw_only=True):
    """A version at a path."""

    id: int
    number: int
    """Position in the history of the path, from 1."""

    author: str
    """User who deployed the version."""


class AffectedTrigger(msgspec.Struct, kw_only=True):
    """A trigger that runs an item for a member."""

    kind: Literal["schedule", "http_trigger", "flow", "webhook"]
    path: str
    """Path of the trigger. For a webhook, the label of its token."""


class WaitingVersion(msgspec.Struct, kw_only=True):
    """A current version that does not run for `permissioned_as` until it is accepted."""

    kind: Literal["script", "flow"]
    path: str
    permissioned_as: str
    version: VersionAt
    created_at: datetime
    triggers: list[AffectedTrigger]
    """Triggers that run the version for that member. Only those that the caller may read are listed."""

    may_accept: bool
    """True if the caller may accept the version for that member."""

    for_everybody: bool
    """True if accepting it without naming a member accepts it for everybody."""

    yours: bool
    """True if the caller deployed the version."""

    accepted: VersionAt | UnsetType = UNSET
    """The version that runs in the meantime. If it is absent, none runs."""

    message: str | UnsetType = UNSET


class Accept(msgspec.Struct, kw_only=True):
    """The version to accept."""

    version: int
    permissioned_as: str | None = None
    """The member, as `u/<username>`, or `g/all` for everybody.

    Defaults to everybody if the caller may accept for others, otherwise to the caller.
    """


class Accepted(msgspec.Struct, kw_only=True):
    """The member or group for which the version was accepted."""

    permissioned_as: str


def waiting(found: Waiting) -> WaitingVersion:
    """Convert a waiting version."""
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


def _source(text: str) -> AffectedTrigger:
    kind, _, path = text.partition(":")
    word: Any = kind
    return AffectedTrigger(kind=word, path=path)
