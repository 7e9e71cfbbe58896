"""Logs, read by characters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import job_views, log_reads
from orvanta_platform.services import jobs
from orvanta_platform.services.platform import Platform


async def read(
    platform: Platform, actor: Actor, workspace: str, id: UUID, *, attempt: int | None = None
) -> AsyncIterator[str]:
    """The whole log as pieces of text; of a workflow the logs of its nodes in order, each under a line of its own.

    Permission is checked before the iterator is given back. Raises NotFound.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.seen(platform, conn, actor, workspace, id)
        steps = await job_views.steps_of(conn, row.run) if row.is_flow else []
    if not row.is_flow:
        return _pieces(platform, id, attempt)
    return _of_steps(platform, [(f"--- {step.node} (job {step.id}) ---\n", step.id) for step in steps if step.queue])


async def _of_steps(platform: Platform, parts: list[tuple[str, UUID]]) -> AsyncIterator[str]:
    for header, job in parts:
        yield header
        last = "\n"
        async for piece in _pieces(platform, job, None):
            yield piece
            last = piece[-1]
        if last != "\n":
            yield "\n"


async def _pieces(platform: Platform, job: UUID, attempt: int | None) -> AsyncIterator[str]:
    offset = 0
    while True:
        async with platform.db.acquire() as conn:
            piece = await log_reads.read_log(conn, job, offset, attempt=attempt)
        if not piece:
            return
        yield piece
        offset += len(piece)
