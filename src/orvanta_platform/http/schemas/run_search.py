"""Runs that have what was looked for, as the wire has them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.run_views.search import Page


class FoundPlace(msgspec.Struct):
    """Where it stands: `kind` args or result, of `node`; without a node of the run itself."""

    kind: str
    node: str | UnsetType = UNSET


class FoundRun(msgspec.Struct, kw_only=True):
    """A run that has it, and where."""

    run_id: UUID
    status: str
    path: str | UnsetType = UNSET
    created_at: datetime
    created_by: str
    found: list[FoundPlace]


class FoundRuns(msgspec.Struct):
    """The newest first; `before`, given back, the next page."""

    runs: list[FoundRun]
    before: UUID | UnsetType = UNSET


def found_runs(page: Page) -> FoundRuns:
    """A page of them."""
    runs = [
        FoundRun(
            run_id=each.row.id,
            status=each.row.state,
            path=UNSET if each.row.path is None else each.row.path,
            created_at=each.row.created_at,
            created_by=each.row.created_by,
            found=[FoundPlace(kind, node or UNSET) for node, kind in each.places],
        )
        for each in page.found
    ]
    return FoundRuns(runs, UNSET if page.before is None else page.before)
