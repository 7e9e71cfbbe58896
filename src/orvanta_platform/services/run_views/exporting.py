"""Export of completed runs and jobs with their values."""

from __future__ import annotations

from typing import Final

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.values import ValueKey, get_values
from orvanta_platform.orchestrator import values
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

MAX_PAGE: Final = 100
"""Maximum number of jobs per page."""


class ExportedJob(msgspec.Struct, frozen=True):
    """A completed run or job. `args` and `result` are JSON text; None: too large for a list, or erased."""

    row: JobRow
    args: bytes | None
    result: bytes | None


async def export(
    platform: Platform, actor: Actor, workspace: str, filter: JobFilter, slice: Slice
) -> list[ExportedJob]:
    """Return a page of the completed runs and jobs that the actor may read. Raises NotFound, Forbidden.

    Values that are stored as objects are left out.
    """
    rows = await jobs.list_jobs(platform, actor, workspace, jobs.ENDED_PARTS, filter, slice)
    keys: list[ValueKey] = [(row.id, "args", "") for row in rows]
    keys += [(row.result_of, "result", "") for row in rows if row.result_of is not None]
    async with platform.db.acquire() as conn:
        stored = await get_values(conn, keys)
    found = await values.open_rows(platform.storage, [each for each in stored if each.body is not None])
    return [
        ExportedJob(
            row,
            found.get((row.id, "args", "")),
            found.get((row.result_of, "result", "")) if row.result_of is not None else _empty(row),
        )
        for row in rows
    ]


def _empty(row: JobRow) -> bytes | None:
    """Return the result of a job without a stored one."""
    if row.erased:
        return None
    return jobs.cancelled_error(row) if row.cancelled else b"null"
