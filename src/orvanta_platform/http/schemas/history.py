"""Schemas of the history of a run."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.services.run_views.history import HistoryLine, HistoryPage

T = TypeVar("T")


class RunEvent(msgspec.Struct, kw_only=True):
    """An event in a run."""

    id: str
    """Stable id: the same event has the same id in every response."""

    at: datetime
    kind: str
    """queued, started, attempt_ended, ended, body_ended, decision, or the kind of an event of the run."""

    text: str
    """Description for people."""

    node: str | UnsetType = UNSET
    job: UUID | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    place: int | UnsetType = UNSET
    """Index of the iteration or branch."""

    worker: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


class RunEvents(msgspec.Struct, kw_only=True):
    """A page of events."""

    events: list[RunEvent]
    """Events in the order in which they happened."""

    more: bool
    """True if there are more events already."""

    last: str | UnsetType = UNSET
    """Value of `after` for the next page."""


def events(page: HistoryPage) -> RunEvents:
    """Convert a page of events."""
    return RunEvents(events=[_event(line) for line in page.lines], more=page.more, last=_optional(page.last))


def _event(line: HistoryLine) -> RunEvent:
    return RunEvent(
        id=line.id,
        at=line.at,
        kind=line.kind,
        text=line.text,
        node=_optional(line.node),
        job=_optional(line.job),
        attempt=_optional(line.attempt),
        place=_optional(line.place),
        worker=_optional(line.worker),
        error=_optional(line.error_name),
        data=UNSET if line.data is None else Raw(line.data.encode()),
    )


def _optional(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
