"""Immutable properties of a run: its target, starter and trigger, and its document. No values."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.runs import RepeatedRun, VersionNumber
from orvanta_platform.errors import NotFound
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs


class RunAbout(msgspec.Struct, frozen=True):
    """A run."""

    row: JobRow
    version: VersionNumber | None
    """None for a preview."""
    repeats: RepeatedRun | None
    """The run that it repeats."""


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RunAbout:
    """Return the run with this id, or the run of the job with this id. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if row.is_step:
            row = await jobs.get_readable(platform, conn, actor, workspace, row.run)
        (row,) = await jobs.add_details(conn, [row])
        named = [row.version] if row.version is not None else []
        numbers = await run_rows.get_version_numbers(conn, named) if named else {}
        return RunAbout(row, next(iter(numbers.values()), None), await jobs.repeated(conn, row))


class RunDocument(msgspec.Struct, frozen=True):
    """The document of a workflow's run."""

    text: str
    """YAML or JSON as deployed."""
    tree: str | None
    """The same as JSON text if it is YAML and the tree is stored."""


async def document(platform: Platform, actor: Actor, workspace: str, id: UUID) -> RunDocument:
    """Return the document of a workflow's run. Raises NotFound, also for a script."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        if not row.is_flow or row.document is None:
            raise NotFound(f"The run {id} is not a run of a workflow.")
        text = await platform.blueprints.text(conn, row.document)
        return RunDocument(text, await run_rows.get_document_tree(conn, row.document))
