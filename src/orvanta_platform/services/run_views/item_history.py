"""Recent runs of each workflow or script, shown in lists of these and on the home page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import msgspec

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import job_lists, moves
from orvanta_platform.db.job_lists import JobFilter, RecentRun
from orvanta_platform.services.access import item_names
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

ItemKind = Literal["flow", "script"]

WINDOW = timedelta(days=7)
SHOWN = 10
"""Maximum number of runs per item."""

MAX_RUNS = 5_000
"""Maximum number of runs of items of a kind that count."""

MAX_SEARCHED = 20_000
"""Maximum number of runs of all kinds read, so that the cost of a call does not grow with the history."""


class ItemHistory(msgspec.Struct, frozen=True):
    """Runs of an item in the last seven days."""

    path: str
    succeeded: int
    failed: int
    runs: Sequence[RecentRun]
    """The newest runs, newest first."""
    summary: str | None = None


async def list_item_histories(
    platform: Platform, actor: Actor, workspace: str, kind: ItemKind, most: int = MAX_RUNS
) -> list[ItemHistory]:
    """Return the items of a kind with runs that the actor may read, those with the newest run first.

    Only the newest `most` runs count, among the newest MAX_SEARCHED of the workspace, without sub-workflows and tests
    of code that is not deployed. Raises Forbidden.
    """
    visible = jobs.visible(actor, workspace)
    recent = JobFilter(created_after=clock.now() - WINDOW, has_null_parent=True, job_kinds=(kind,))
    async with platform.db.acquire() as conn:
        found = await job_lists.list_recent_runs(conn, workspace, visible, recent, SHOWN, most, MAX_SEARCHED)
        present = await moves.list_former_paths(conn, workspace, kind)
        by_path: dict[str, list[RecentRun]] = {}
        for run in found:
            by_path.setdefault(present.get(run.path, run.path), []).append(run)
        names = await item_names.get_names(conn, actor, workspace, ((kind, path) for path in by_path))
    return [_history(path, runs, names.get((kind, path))) for path, runs in by_path.items()]


def _history(path: str, runs: Sequence[RecentRun], summary: str | None) -> ItemHistory:
    """Return the history of an item; the runs of each of its paths have the counts of that path."""
    counts = {run.path: run for run in runs}.values()
    succeeded, failed = sum(each.succeeded for each in counts), sum(each.failed for each in counts)
    return ItemHistory(path, succeeded, failed, runs[:SHOWN], summary)
