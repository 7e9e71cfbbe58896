"""What does not change while a run goes on: what it runs, who began it and why, and its document. No values."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.runs import Repeated, VersionNumber
from orvanta_platform.errors import NotFound
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs


@dataclass(frozen=True, slots=True)
class RunAbout:
    """A run. `version`: None for a preview. `parent`: the run whose node called it."""

    row: JobRow
    version: VersionNumber | None
    repeats: Repeated | None


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RunAbout:
    """The run that this id is, or that the job with this id belongs to. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.seen(platform, conn, actor, workspace, id)
        if row.is_step:
            row = await jobs.seen(platform, conn, actor, workspace, row.run)
        (row,) = await jobs.told(conn, [row])
        named = [row.version] if row.version is not None else []
        numbers = await run_rows.version_numbers(conn, named) if named else {}
        return RunAbout(row, next(iter(numbers.values()), None), await jobs.repeated(conn, row))


async def document(platform: Platform, actor: Actor, workspace: str, id: UUID) -> str:
    """The text of the workflow that a run runs, YAML or JSON as it was deployed. Raises NotFound, also of a script."""
    async with platform.db.acquire() as conn:
        row = await jobs.seen(platform, conn, actor, workspace, id)
        if not row.is_flow or row.document is None:
            raise NotFound(f"The run {id} is not one of a workflow.")
        return await platform.blueprints.text(conn, row.document)
