"""Schemas of the search for runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.run_views.search import Page


class SearchMatch(msgspec.Struct):
    """A value that matches."""

    kind: str
    """`args` or `result`."""

    node: str | UnsetType = UNSET
    """Node of the value; absent for a value of the run itself."""


class FoundRun(msgspec.Struct, kw_only=True):
    """A run that matches, with the matching values."""

    run_id: UUID
    status: str
    path: str | UnsetType = UNSET
    created_at: datetime
    created_by: str
    found: list[SearchMatch]


class FoundRuns(msgspec.Struct):
    """A page of matching runs, newest first."""

    runs: list[FoundRun]
    before: UUID | UnsetType = UNSET
    """Value of `before` for the next page."""


def found_runs(page: Page) -> FoundRuns:
    """Convert a page of matching runs."""
    runs = [
        FoundRun(
            run_id=each.row.id,
            status=each.row.state,
            path=UNSET if each.row.path is None else each.row.path,
            created_at=each.row.created_at,
            created_by=each.row.created_by,
            found=[SearchMatch(kind, node or UNSET) for node, kind in each.places],
        )
        for each in page.found
    ]
    return FoundRuns(runs, UNSET if page.before is None else page.before)
