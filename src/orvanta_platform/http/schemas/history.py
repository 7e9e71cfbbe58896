"""The history of a run, a page of it."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.services.run_views.history import HistoryLine, HistoryPage

T = TypeVar("T")


class RunEvent(msgspec.Struct, kw_only=True):
    """Something that happened in a run. `text` says it to people; `id` is the same whenever it is told.

    `kind`: queued, started, attempt_ended, ended, body_ended, decision, or that of an event of the run. `place`: the
    number of the iteration or branch.
    """

    id: str
    at: datetime
    kind: str
    text: str
    node: str | UnsetType = UNSET
    job: UUID | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    place: int | UnsetType = UNSET
    worker: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


class RunEvents(msgspec.Struct, kw_only=True):
    """In the order in which it happened. `last`: give it as `after` for what follows; `more`: there is more by now."""

    events: list[RunEvent]
    more: bool
    last: str | UnsetType = UNSET


def events(page: HistoryPage) -> RunEvents:
    """The page as the API shows it."""
    return RunEvents(events=[_event(line) for line in page.lines], more=page.more, last=_given(page.last))


def _event(line: HistoryLine) -> RunEvent:
    return RunEvent(
        id=line.id,
        at=line.at,
        kind=line.kind,
        text=line.text,
        node=_given(line.node),
        job=_given(line.job),
        attempt=_given(line.attempt),
        place=_given(line.place),
        worker=_given(line.worker),
        error=_given(line.error_name),
        data=UNSET if line.data is None else Raw(line.data.encode()),
    )


def _given(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value
