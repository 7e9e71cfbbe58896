"""Schemas of the recent runs of items."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.run_views import item_history


class ItemRun(msgspec.Struct, kw_only=True):
    """A run of an item."""

    id: UUID
    state: str
    created_at: datetime


class ItemHistory(msgspec.Struct, kw_only=True):
    """The runs of an item in the last seven days."""

    path: str
    succeeded: int
    """Number of successful runs."""

    failed: int
    """Number of failed runs."""

    runs: list[ItemRun]
    """The newest runs, at most 10, newest first."""

    summary: str | UnsetType = UNSET


def shown(found: item_history.ItemHistory) -> ItemHistory:
    """Convert the history of an item."""
    runs = [ItemRun(id=run.id, state=run.state, created_at=run.created_at) for run in found.runs]
    counts = {"succeeded": found.succeeded, "failed": found.failed}
    return ItemHistory(path=found.path, **counts, runs=runs, summary=found.summary or UNSET)
